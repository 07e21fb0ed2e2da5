//! Credentials, and the headers around them.

use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue};
use insta::assert_snapshot;
use lanyard_gateway::testing::EventTrouble;

use crate::bad_input::{nothing_happened, strict_world};
use crate::support::World;
use crate::support::attendee::{CHAT, chat};

#[tokio::test]
async fn bad_credentials_all_get_the_same_refusal() {
    let (world, ada) = strict_world().await;
    let code = world.code().to_owned();
    let long = "a".repeat(10_000);
    let credentials = [
        String::new(),
        "/".to_owned(),
        code.clone(),
        format!("{code}/"),
        format!("{code}/   "),
        "/ada".to_owned(),
        "abc/ada".to_owned(),
        "no-such-event/ada".to_owned(),
        format!("{code}x/ada"),
        format!("{code} x/ada"),
        format!("{code}/{}", "u".repeat(129)),
        format!("{}/ada", "c".repeat(65)),
        "' or '1'='1/ada".to_owned(),
        format!("{code}/a\tb"),
        format!("{code}//"),
        long.clone(),
        format!("{long}/{long}"),
        format!("{code}/\u{430}lice"),
        "h\u{430}ckathon/ada".to_owned(),
        format!("{code}%2fada"),
    ];
    let mut bodies = Vec::new();
    for credential in &credentials {
        for (header, prefix) in
            [("openai-event-code", ""), ("api-key", ""), ("authorization", "Bearer ")]
        {
            let value = HeaderValue::from_bytes(format!("{prefix}{credential}").as_bytes());
            let mut request = ada.post(CHAT, chat("hello").to_string());
            request.headers_mut().remove("openai-event-code");
            request.headers_mut().insert(header, value.unwrap());
            let response = ada.send(request).await;
            // One of them is a credential after all: its user is a slash.
            if credential.ends_with("//") {
                continue;
            }
            assert_eq!(response.status(), 401, "{header}: {credential:?}");
            assert_eq!(response.header("x-should-retry"), Some("false"));
            bodies.push(response.text().to_owned());
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "somebody could tell them apart: {bodies:?}");
    assert_snapshot!(bodies[0], @r#"{"error":{"message":"No valid event code was sent: the code, the name behind it or both are missing or wrong. Send CODE/USER as your API key, in one of the headers openai-event-code, api-key or x-api-key, or as 'Authorization: Bearer CODE/USER'. CODE is the event's code. USER is a name of your choice, such as your GitHub user name: 1 to 128 ASCII letters, digits and signs (write bjorn or jose for names with accents).","type":"authentication_error","param":null,"code":"invalid_event_code"}}"#);
    world.settle().await;
}

#[tokio::test]
async fn credentials_that_are_missing_or_of_another_scheme_are_refused() {
    let (world, ada) = strict_world().await;
    let token = ada.token();
    let cases: [&[(&'static str, String)]; 5] = [
        &[],
        &[("authorization", format!("Basic {token}"))],
        &[("authorization", token.clone())],
        &[("authorization", "Bearer".to_owned())],
        &[("openai-event-code", world.code().to_owned())],
    ];
    for headers in cases {
        let mut request = ada.post(CHAT, chat("hello").to_string());
        request.headers_mut().remove("openai-event-code");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        ada.send(request).await.assert_refused(401, "invalid_event_code");
    }
    // The seed's header wins even when it is the worse one.
    let mut request = ada.post(CHAT, chat("hello").to_string());
    request.headers_mut().insert("openai-event-code", "nobody/ada".parse().unwrap());
    request.headers_mut().insert("api-key", token.parse().unwrap());
    ada.send(request).await.assert_refused(401, "invalid_event_code");
    nothing_happened(&world).await;
}

#[tokio::test]
async fn the_first_well_formed_credential_counts_and_its_quotes_do_not() {
    let world = World::event("places").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let token = ada.token();
    let cases: [&[(&'static str, String)]; 13] = [
        &[("openai-event-code", "dummy".to_owned()), ("openai-event-code", token.clone())],
        &[("openai-event-code", token.clone()), ("openai-event-code", token.clone())],
        &[("api-key", "dummy".to_owned()), ("api-key", token.clone())],
        &[("x-api-key", token.clone()), ("x-api-key", "dummy".to_owned())],
        &[
            ("authorization", "Bearer dummy".to_owned()),
            ("authorization", format!("Bearer {token}")),
        ],
        &[("authorization", format!("Bearer dummy, Bearer {token}"))],
        &[("x-api-key", token.clone())],
        &[("api-key", "dummy".to_owned()), ("authorization", format!("Bearer {token}"))],
        &[("x-api-key", "sk-dummy".to_owned()), ("authorization", format!("Bearer {token}"))],
        &[("api-key", "dummy".to_owned()), ("x-api-key", token.clone())],
        &[("openai-event-code", format!("\"{token}\"")), ("api-key", "dummy".to_owned())],
        &[("authorization", format!("Bearer '{token}'"))],
        &[("api-key", format!(" `{token}` "))],
    ];
    for headers in cases {
        let mut request = ada.post(CHAT, chat("hello").to_string());
        request.headers_mut().remove("openai-event-code");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        ada.send(request).await.assert_ok();
    }
    assert_eq!(world.settle().await.requests, 13);
}

#[tokio::test]
async fn a_dummy_key_hides_no_good_credential_also_if_it_looks_like_one() {
    let world = World::event("dummies").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let (token, code) = (ada.token(), world.code().to_owned());
    let bearer = ("authorization", format!("Bearer {token}"));
    let cases: [&[(&'static str, String)]; 6] = [
        &[("api-key", "dummy".to_owned()), ("x-user-id", "ada".to_owned()), bearer.clone()],
        &[
            ("api-key", "dummy".to_owned()),
            ("x-user-id", "ada".to_owned()),
            ("authorization", format!("Bearer {code}")),
        ],
        &[
            ("x-api-key", "sk-ant-api03-abc".to_owned()),
            ("x-user-id", "ada".to_owned()),
            bearer.clone(),
        ],
        &[("api-key", "sk-xx/yy".to_owned()), bearer.clone()],
        &[("api-key", "no-such-event/ada".to_owned()), bearer.clone()],
        &[("api-key", format!("dummy/one, {token}"))],
    ];
    for headers in cases {
        let mut request = ada.post(CHAT, chat("hello").to_string());
        request.headers_mut().remove("openai-event-code");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        ada.send(request).await.assert_ok();
    }
    // Codes are not guessed in bulk: only the first three are tried.
    let mut request = ada.post(CHAT, chat("hello").to_string());
    request.headers_mut().remove("openai-event-code");
    let many = format!("wrong1/a, wrong2/a, wrong3/a, {token}");
    request.headers_mut().insert("api-key", many.parse().unwrap());
    ada.send(request).await.assert_refused(401, "invalid_event_code");
    assert_eq!(world.settle().await.requests, 6);
}

#[tokio::test]
async fn a_dummy_that_cannot_be_looked_up_hides_no_good_credential() {
    for (trouble, waited) in [(EventTrouble::Unavailable, 60), (EventTrouble::Unreadable, 1)] {
        let world = World::event("dummy-away").in_memory().start().await;
        let ada = world.attendee("ada").await;
        ada.chat("hello").await.assert_ok();
        world.events().trouble(Some(trouble));
        world.wait(TimeDelta::seconds(waited));
        let with = |keys: &str, path: &str, body: String| {
            let mut request = ada.post(path, body);
            request.headers_mut().remove("openai-event-code");
            request.headers_mut().insert("api-key", keys.parse().unwrap());
            ada.send(request)
        };
        let both = format!("sk-x/y, {}", ada.token());
        with(&both, CHAT, chat("hello").to_string()).await.assert_ok();
        with(&both, "/api/v1/eventinfo", String::new()).await.assert_ok();
        // One of the two may be good, so this is no refusal of them.
        let unknown = with("sk-x/y, sk-x/z", CHAT, chat("hello").to_string()).await;
        unknown.assert_refused(503, "accounting_unavailable");
        world.events().trouble(None);
        assert_eq!(world.settle().await.requests, 2, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_name_with_other_letters_is_refused_with_the_letters_that_may_be_used() {
    let (world, ada) = strict_world().await;
    let code = world.code();
    for user in
        ["Jos\u{e9}".as_bytes(), b"Bj\xf8rn", "ada\u{a0}".as_bytes(), "\u{1f600}".as_bytes()]
    {
        let value = [format!("Bearer {code}/").as_bytes(), user].concat();
        let mut request = ada.post(CHAT, chat("hello").to_string());
        request.headers_mut().remove("openai-event-code");
        request.headers_mut().insert("authorization", HeaderValue::from_bytes(&value).unwrap());
        let response = ada.send(request).await;
        response.assert_refused(401, "invalid_event_code");
        assert!(response.text().contains("ASCII letters, digits and signs"), "{}", response.text());
    }
    nothing_happened(&world).await;
}

/// Headers that have nothing to do with us, and two that a client may send twice.
#[tokio::test]
async fn other_headers_are_ignored() {
    let world = World::event("headers").in_memory().start().await;
    let ada = world.attendee("ada").await;
    let mut request = ada.post(CHAT, chat("hello").to_string());
    let odd: HeaderMap = [
        ("x-forwarded-for", HeaderValue::from_static("1.2.3.4")),
        ("x-odd", HeaderValue::from_bytes(b"\xff\xfe").unwrap()),
        ("accept-encoding", HeaderValue::from_static("gzip, br")),
        ("expect", HeaderValue::from_static("100-continue")),
    ]
    .into_iter()
    .map(|(name, value)| (name.parse().unwrap(), value))
    .collect();
    request.headers_mut().extend(odd);
    ada.send(request).await.assert_ok();
    assert_eq!(world.azure().requests()[0].header("accept-encoding"), None);
    world.settle().await;
}
