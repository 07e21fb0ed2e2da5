//! `GET /api/pages/…` and `GET /api/healthz`: the files, and their security headers.

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use lanyard_gateway::Request;
use lanyard_gateway::handler::{Audience, run_handler};

const PAGES: [&str; 4] = ["/api/pages", "/api/pages/dashboard", "/api/pages/handout", "/api/docs"];

struct Got {
    status: StatusCode,
    headers: http::HeaderMap,
    bytes: Bytes,
    text: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(method: Method, path: &str, known: Option<&str>) -> Got {
    ask_with(method, path, known.map(|tag| ("if-none-match", tag))).await
}

async fn ask_with(method: Method, path: &str, header: Option<(&str, &str)>) -> Got {
    let mut http = http::Request::builder().method(method).uri(path);
    if let Some((name, value)) = header {
        http = http.header(name, value);
    }
    let request = Request {
        id: format!("req_{:032x}", 1).parse().unwrap(),
        now: "2026-12-05T09:00:00Z".parse().unwrap(),
        deadline: None,
        http: http.body(Bytes::new()).unwrap(),
    };
    let (head, body) = run_handler(Audience::Visitors, request, pages::handle).await.into_parts();
    let Ok(body) = body.collect().await;
    let bytes = body.to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Got { status: head.status, headers: head.headers, bytes, text }
}

async fn get(path: &str) -> Got {
    ask(Method::GET, path, None).await
}

fn file(name: &str) -> String {
    format!("/api/pages/assets/{}/{name}", pages::version())
}

/// The tags of a page: the text between `<` and `>`.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
}

/// The names of a tag's attributes.
fn attributes(tag: &str) -> Vec<String> {
    let mut is_quoted = false;
    let plain: String = tag
        .chars()
        .map(|c| {
            is_quoted ^= c == '"';
            if is_quoted && c.is_whitespace() { '_' } else { c }
        })
        .collect();
    let words = plain.split_whitespace().skip(1);
    words.map(|word| word.split('=').next().unwrap().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn no_page_has_an_inline_script_or_style() {
    for path in PAGES {
        let page = get(path).await;
        let mut scripts = 0;
        for tag in tags(&page.text) {
            let name = tag.split_whitespace().next().unwrap().to_ascii_lowercase();
            assert_ne!(name, "style", "{path}");
            assert_ne!(name, "base", "{path}");
            let attributes = attributes(tag);
            if name == "script" {
                assert!(attributes.iter().any(|attribute| attribute == "src"), "{path}: <{tag}>");
                scripts += 1;
            }
            for attribute in attributes {
                assert_ne!(attribute, "style", "{path}: <{tag}>");
                assert!(!attribute.starts_with("on"), "{path}: <{tag}>");
            }
        }
        assert!(scripts > 0, "{path} has no script");
    }
}

#[tokio::test]
async fn whatever_a_page_refers_to_is_ours_and_there() {
    let mut found = 0;
    for path in PAGES {
        let page = get(path).await;
        assert!(!page.text.contains("{{"), "{path} has a place-holder left");
        let targets = page.text.split(" href=\"").skip(1).chain(page.text.split(" src=\"").skip(1));
        for target in targets.map(|rest| rest.split('"').next().unwrap()) {
            // One of the page's views, which its script knows, or a place in it.
            if target.starts_with('#') || target.starts_with("data:") {
                continue;
            }
            assert_eq!(get(target).await.status, 200, "{path}: {target}");
            found += 1;
        }
    }
    assert!(found >= 2 * PAGES.len(), "only {found} were found");
}

/// The first visit of an attendee: the page, its script and its style sheet. One more request asks
/// for the event.
#[tokio::test]
async fn a_first_visit_is_small_and_takes_few_requests() {
    for path in PAGES {
        let page =
            ask_with(Method::GET, path, Some(("accept-encoding", "gzip, deflate, br"))).await;
        let text = get(path).await.text;
        let targets: Vec<_> = text
            .split(" href=\"")
            .skip(1)
            .chain(text.split(" src=\"").skip(1))
            .filter_map(|rest| rest.split('"').next())
            .filter(|target| target.starts_with("/api/pages/assets/"))
            .collect();
        assert_eq!(targets.len(), 2, "{path}: {targets:?}");
        let mut bytes = page.bytes.len();
        for target in targets {
            let file = ask_with(Method::GET, target, Some(("accept-encoding", "gzip"))).await;
            assert_eq!(file.header("content-encoding"), "gzip", "{target}");
            bytes += file.bytes.len();
        }
        assert!(bytes < 60 * 1024, "{path}: {bytes} bytes");
    }
}

#[tokio::test]
async fn a_file_is_compressed_for_those_who_take_it() {
    let name = file("attendee.js");
    let plain = get(&name).await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    for (accepted, is_compressed) in [
        ("gzip", true),
        ("br, gzip;q=0.5", true),
        ("*", true),
        ("gzip;q=0, br", false),
        ("gzip; q=0.0", false),
        ("identity", false),
        ("", false),
    ] {
        let got = ask_with(Method::GET, &name, Some(("accept-encoding", accepted))).await;
        assert_eq!(got.header("content-encoding") == "gzip", is_compressed, "{accepted}");
        assert_eq!(got.bytes.starts_with(&[0x1f, 0x8b]), is_compressed, "{accepted}");
        assert_eq!(got.header("content-length"), got.bytes.len().to_string(), "{accepted}");
        assert_eq!(got.header("etag") == plain.header("etag"), !is_compressed, "{accepted}");
    }
}

#[tokio::test]
async fn no_script_makes_markup_of_text() {
    let scripts = pages::all().iter().filter(|asset| asset.name.ends_with(".js"));
    for asset in scripts {
        for banned in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!asset.text.contains(banned), "{}: {banned}", asset.name);
        }
    }
}

#[tokio::test]
async fn every_response_has_the_security_headers_of_pages() {
    let files: Vec<_> = pages::all().iter().map(|asset| asset.name).collect();
    let files = files.iter().filter(|name| !name.ends_with(".html")).map(|name| file(name));
    let paths = PAGES.map(ToOwned::to_owned).into_iter().chain(files);
    for path in paths.chain(["/api/healthz".to_owned()]) {
        let got = get(&path).await;
        assert_eq!(got.status, 200, "{path}");
        let policy: Vec<_> = got.header("content-security-policy").split("; ").collect();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(&rule), "{path}: {rule}");
        }
        assert!(!got.header("content-security-policy").contains("unsafe"), "{path}");
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(got.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(got.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(got.header("cross-origin-opener-policy"), "same-origin", "{path}");
        for absent in ["set-cookie", "access-control-allow-origin", "access-control-expose-headers"]
        {
            assert!(!got.headers.contains_key(absent), "{path}: {absent}");
        }
    }
}

#[tokio::test]
async fn responses_have_content_types_and_etags() {
    let types = [
        ("/api/pages".to_owned(), "text/html; charset=utf-8"),
        ("/api/pages/".to_owned(), "text/html; charset=utf-8"),
        (file("attendee.css"), "text/css; charset=utf-8"),
        (file("attendee.js"), "text/javascript; charset=utf-8"),
        ("/api/openapi.json".to_owned(), "application/json"),
        (file("licenses.txt"), "text/plain; charset=utf-8"),
        ("/api/healthz".to_owned(), "application/json"),
    ];
    for (path, expected) in &types {
        assert_eq!(get(path).await.header("content-type"), *expected, "{path}");
    }
    assert_eq!(get("/api/pages").await.header("cache-control"), "no-cache");
    let named = get(&file("attendee.js")).await;
    assert_eq!(named.header("cache-control"), "public, max-age=31536000, immutable");
    let of_another_version = get("/api/pages/assets/0123456789abcdef/attendee.js").await;
    assert_eq!(of_another_version.header("cache-control"), "no-cache");
    assert_eq!(of_another_version.text, named.text);
    assert_eq!(get("/api/healthz").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_cached_file_is_not_sent_again() {
    let first = get("/api/pages").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && first.text.len() > 1000);
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}")] {
        let again = ask(Method::GET, "/api/pages", Some(&known)).await;
        assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(again.header("etag"), tag);
    }
    assert_eq!(ask(Method::GET, "/api/pages", Some("\"x\"")).await.status, 200);
    let head = ask(Method::HEAD, "/api/pages", None).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.header("content-length"), first.text.len().to_string());
}

#[tokio::test]
async fn other_paths_and_methods_get_the_usual_errors() {
    for path in [
        "/api/pages/nothing",
        "/api/pages/assets/attendee.js",
        "/api/pages/attendee.html",
        &file("nothing.js"),
        &file("attendee.html"),
        &file("../Cargo.toml"),
        &file("%2e%2e/Cargo.toml"),
        "/api/pagesx",
    ] {
        let got = get(path).await;
        assert_eq!(got.status, 404, "{path}");
        let error: serde_json::Value = serde_json::from_str(&got.text).unwrap();
        assert_eq!(error["error"]["code"], "unknown_route", "{path}");
    }
    for method in [Method::POST, Method::OPTIONS, Method::DELETE] {
        let got = ask(method, "/api/pages", None).await;
        assert_eq!(
            (got.status, got.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
        );
        assert!(!got.headers.contains_key("access-control-allow-origin"));
    }
}

#[test]
fn pages_make_no_aws_calls() {
    assert!(lanyard_functions::named("pages").unwrap().calls().is_empty());
}

#[test]
fn bundled_packages_have_their_licences_beside_them() {
    let licenses = pages::all().iter().find(|asset| asset.name == "licenses.txt").unwrap();
    for name in ["marked", "qr"] {
        assert!(licenses.text.contains(&format!("{name} ")), "{name}");
    }
    assert_eq!(licenses.text.matches("Permission is hereby granted").count(), 2);
}
