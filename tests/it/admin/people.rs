//! Rosters as a spreadsheet writes them, secrets that stay inside, and whose events they are.

use http::Method;
use serde_json::{Value, json};

use super::harness::{Harness, oslo};

#[tokio::test]
async fn a_roster_may_be_a_spreadsheets() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"access": "roster"})).await;
    let put = async |body: &'static [u8]| {
        let http = http::Request::put(format!("/api/admin{path}/roster"))
            .header("authorization", format!("Bearer {}", harness.token))
            .header("content-type", "text/csv; charset=utf-8")
            .body(body.into())
            .unwrap();
        harness.ask(http).await
    };
    let said = put(b"User,Name\r\nAda,Ada L.\r\nbob,\r\nADA,again\r\n").await.ok(200);
    assert_eq!(said, json!({"users": 2, "added": 2, "removed": 0}));
    let classroom = b"\"identifier\",\"github_username\",\"github_id\",\"name\"\n\
                      \"s1\",\"ada\",\"17\",\"Ada L.\"\n\"s2\",\"bob\",\"18\",\"Bob\"\n";
    assert_eq!(put(classroom).await.ok(200), json!({"users": 2, "added": 0, "removed": 0}));
    let excel = "\u{feff}Name;User\r\nAda;ada\r\nBob;bob\r\n".as_bytes();
    assert_eq!(put(excel).await.ok(200), json!({"users": 2, "added": 0, "removed": 0}));
    let unclaimed = b"identifier,github_username\ns1,ada\ns2,\ns3,bob\n";
    let skipped = json!([{"line": 3, "identifier": "s2"}]);
    assert_eq!(
        put(unclaimed).await.ok(200),
        json!({"users": 2, "added": 0, "removed": 0, "skipped": skipped})
    );
    put(b"identifier,name\ns1,Ada\n").await.refused(400, "invalid_value");
    let in_windows_1252 = put(b"user;name\nada;Zo\xeb\nbob;\x80\n").await.ok(200);
    assert_eq!(in_windows_1252["users"], 2);
    let in_utf_16 = b"\xff\xfeu\0s\0e\0r\0\t\0x\0\r\0\n\0a\0d\0a\0\r\0\n\0b\0o\0b\0";
    assert_eq!(put(in_utf_16).await.ok(200), json!({"users": 2, "added": 0, "removed": 0}));
    put(b"ada\n\xff\n").await.refused(400, "invalid_value");
    put(b"user,name\nada,\"Ada\nbob,Bob\n").await.refused(400, "invalid_value");
    put(b"PK\x03\x04\x14\0").await.refused(400, "invalid_json");
    put("ada\nå\n".as_bytes()).await.refused(400, "invalid_value");
    let page = harness.get(&format!("{path}/roster?limit=1")).await.ok(200);
    assert_eq!(page["users"][0]["user"], "ada");
    let next = page["next"].as_str().unwrap();
    let page = harness.get(&format!("{path}/roster?limit=1&cursor={next}")).await.ok(200);
    assert_eq!((&page["users"][0]["user"], &page["next"]), (&json!("bob"), &Value::Null));
}

#[tokio::test]
async fn a_roster_is_read_under_any_content_type() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"access": "open"})).await;
    let put = async |content_type: Option<&str>, body: &'static str| {
        let mut http = http::Request::put(format!("/api/admin{path}/roster"))
            .header("authorization", format!("Bearer {}", harness.token));
        if let Some(content_type) = content_type {
            http = http.header("content-type", content_type);
        }
        harness.ask(http.body(body.into()).unwrap()).await
    };
    for content_type in [
        None,
        Some("text/csv"),
        Some("application/octet-stream"),
        Some("application/x-www-form-urlencoded"),
        Some("text/plain; charset=utf-8"),
        Some("application/vnd.ms-excel"),
        Some("Application/CSV"),
    ] {
        let said = put(content_type, "\u{feff}user\r\nada\r\nbob\r\n").await.ok(200);
        assert_eq!(said["users"], 2, "{content_type:?}");
        let warnings = said["warnings"].to_string();
        assert!(warnings.contains("access is open") && warnings.contains("roster"), "{warnings}");
        let said = put(content_type, " {\"users\": [\"cleo\"]}").await.ok(200);
        assert_eq!(said["users"], 1, "{content_type:?}");
    }
    let csv = put(Some("application/json"), "user\nada\n").await;
    assert!(csv.refused(400, "invalid_json").to_string().contains("content-type: text/csv"));
    // Without its line breaks a file would be one long name.
    let joined = put(Some("application/x-www-form-urlencoded"), "useradabob").await;
    assert!(joined.refused(400, "invalid_json").to_string().contains("--data-binary"));
    // As API Gateway passes on UTF-16 under any other content type.
    let changed = put(None, "\u{fffd}\u{fffd}u\0s\0e\0r\0").await;
    assert!(changed.refused(400, "invalid_json").to_string().contains("text/csv"));
    put(None, "").await.refused(400, "invalid_json");
    let other = put(None, "user\nada\nJ\u{f8}rgen\n\u{5c71}\n").await.refused(400, "invalid_value");
    let details = other["error"]["details"].to_string();
    assert!(details.contains("write jorgen"), "{details}");
    assert_eq!(details.matches("write ").count(), 1, "{details}");
    // As it passes on Windows-1252. In a column of other texts it does no harm.
    let changed = "name;user\nZo\u{fffd};ada\nNo\u{fffd}l;no\u{fffd}l\n";
    let changed = put(None, changed).await.refused(400, "invalid_value");
    let details = changed["error"]["details"].to_string();
    assert!(details.contains("is not UTF-8") && details.contains("text/csv"), "{details}");
    put(None, "name;user\nZo\u{fffd};ada\n").await.ok(200);
}

#[tokio::test]
async fn a_wrong_name_of_a_file_is_named_by_its_line() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"access": "roster"})).await;
    let put = async |body: &'static str| {
        let http = http::Request::put(format!("/api/admin{path}/roster"))
            .header("authorization", format!("Bearer {}", harness.token))
            .header("content-type", "text/csv");
        let refused = harness.ask(http.body(body.into()).unwrap()).await;
        refused.refused(400, "invalid_value")["error"]["details"].clone()
    };
    // Below a heading, a row that nobody has claimed, and a cell of two lines.
    let details = put("identifier,user\ns1,\ns2,\"a\nb\"\n\ns4,\u{f8}\n").await;
    let lines: Vec<_> = details.as_array().unwrap().iter().map(|one| &one["message"]).collect();
    assert!(lines[0].as_str().unwrap().starts_with("line 3: "), "{details}");
    assert!(lines[1].as_str().unwrap().starts_with("line 6: "), "{details}");
    assert!(details.as_array().unwrap().iter().all(|one| one["field"] == "users"), "{details}");
    let wrong = harness.put(&format!("{path}/roster"), json!({"users": ["ok", "", 5]})).await;
    assert_eq!(wrong.wrong_fields(), ["users[1]", "users[2]"]);
}

#[tokio::test]
async fn the_signing_secret_is_in_no_response_and_no_audit() {
    let harness = Harness::open().await;
    let (path, made) = harness.event(json!({"access": "registered"})).await;
    let secret = harness.stored(&path).await.signing.secret.clone();
    assert_eq!(secret.len(), 64);
    let token = harness.post(&format!("{path}/tokens"), json!({"user": "ada"})).await.ok(201);
    harness.delete(&format!("{path}/tokens")).await.ok(200);
    let after = harness.stored(&path).await.signing.secret.clone();
    assert_ne!(after, secret);
    let mut said = vec![made, token];
    for part in ["", "/tokens", "/audit", "/attendees", "/roster"] {
        said.push(harness.get(&format!("{path}{part}")).await.ok(200));
    }
    for response in said {
        let text = response.to_string();
        assert!(!text.contains(&secret) && !text.contains(&after), "{text}");
    }
    let audit = harness.get(&format!("{path}/audit")).await.ok(200);
    let entry = |action: &str| {
        let entries = audit["audit"].as_array().unwrap();
        entries.iter().find(|entry| entry["action"] == action).cloned().unwrap()
    };
    assert_eq!(entry("issue_token")["attendee"], "ada");
    assert_eq!(entry("revoke_tokens")["changes"], json!([]));
}

#[tokio::test]
async fn with_open_access_attendees_add_no_deployments() {
    let harness = Harness::open().await;
    let both = json!({"access": "open", "own_deployments": "attendee"});
    let refused = harness.post("/events", oslo(both.clone())).await;
    assert_eq!(refused.wrong_fields(), ["own_deployments"]);
    let usual = harness.post("/events", oslo(json!({"own_deployments": "attendee"}))).await;
    assert_eq!(usual.wrong_fields(), ["own_deployments"]);
    let (path, _) =
        harness.event(json!({"access": "registered", "own_deployments": "attendee"})).await;
    for change in [json!({"access": "open"}), json!({"access": null}), both] {
        assert_eq!(harness.patch(&path, change).await.wrong_fields(), ["own_deployments"]);
    }
    harness.patch(&path, json!({"access": "open", "own_deployments": "organiser"})).await.ok(200);
    harness
        .patch(&path, json!({"own_deployments": "attendee"}))
        .await
        .refused(400, "invalid_value");
}

#[tokio::test]
async fn another_organisers_event_is_not_there() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({"access": "roster", "own_deployments": "attendee"})).await;
    let other = harness.organiser("other").await;
    for (method, part) in [
        (Method::GET, "/tokens"),
        (Method::POST, "/tokens"),
        (Method::DELETE, "/tokens"),
        (Method::DELETE, "/tokens/tok_1"),
        (Method::GET, "/roster"),
        (Method::PUT, "/roster"),
        (Method::DELETE, "/roster/ada"),
        (Method::DELETE, "/registrations/ada"),
        (Method::GET, "/ratings"),
        (Method::GET, "/usage?by=session"),
        (Method::GET, "/own-deployments?user=ada"),
        (Method::PUT, "/own-deployments/mine?user=ada"),
        (Method::DELETE, "/own-deployments/mine?user=ada"),
    ] {
        let body = if part == "/roster" { json!({"users": []}) } else { json!({"user": "ada"}) };
        let whole = format!("{path}{part}");
        let response = harness.send(method.clone(), &whole, &other, body.to_string()).await;
        response.refused(404, "not_found");
        let wrong = harness.send(Method::PATCH, &whole, &harness.token, "{}").await;
        wrong.refused(405, "method_not_allowed");
    }
}
