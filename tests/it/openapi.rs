//! Compares `GET /api/openapi.json` with the routes of the template and the functions' responses.

use std::collections::{BTreeMap, BTreeSet};

use clap::Parser;
use http::Method;
use lanyard_functions::{FUNCTIONS, Function};
use lanyard_local::options::Options;
use lanyard_local::service::Service;
use lanyard_platform::https::use_ring;
use lanyard_runtime::template::Template;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

fn description() -> Value {
    let file = pages::all().iter().find(|asset| asset.name == "openapi.json").unwrap();
    serde_json::from_str(file.text).unwrap()
}

/// Every path with its methods.
fn operations(description: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = description["paths"].as_object().unwrap().iter();
    let methods = |item: &Value| {
        let names = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
        names.map(|name| name.to_uppercase()).collect()
    };
    paths.map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// A path whose places have no names.
fn nameless(path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "{}" } else { segment }.to_owned();
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Whether a path with its places filled is of this pattern.
fn is_of(pattern: &str, filled: &[&str]) -> bool {
    let pattern: Vec<_> = pattern.split('/').collect();
    let fits = |(wanted, given): (&&str, &&str)| wanted.starts_with('{') || wanted == given;
    pattern.len() == filled.len() && pattern.iter().zip(filled).all(fits)
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let template = Template::read().unwrap();
    let described = operations(&description());
    let nameless_paths: BTreeSet<_> = described.keys().map(|path| nameless(path)).collect();
    for path in described.keys() {
        assert!(template.route(&format!("/api{path}")).is_some(), "{path} is no route");
    }
    // They return that they are not offered, or not served.
    let refused = ["/v1/batches", "/v1/batches/{proxy+}", "/v1/containers"];
    let mut found = 0;
    // Other bases of the same paths are described in text.
    let routes = FUNCTIONS.iter().flat_map(Function::paths).filter(|route| !route.is_alias);
    for route in routes {
        let path = route.path.as_str();
        if refused.contains(&path) {
            continue;
        }
        let is_described = match path.strip_suffix("{proxy+}") {
            Some(above) => nameless_paths.iter().any(|path| path.starts_with(&nameless(above))),
            None => nameless_paths.contains(&nameless(path)),
        };
        assert!(is_described, "{path} is not described");
        found += 1;
    }
    assert!(found > 25, "only {found} were found");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_accept_exactly_the_described_methods() {
    use_ring();
    let words = ["lanyard-local", "--memory", "--port", "0", "--simulator-latency", "0"];
    let options = Options::try_parse_from(words).unwrap();
    let service = Service::start(options, Template::read().unwrap()).await.unwrap();
    let address = service.address.clone();
    let token = service.welcome.token().unwrap().to_owned();
    let stop = CancellationToken::new();
    let serving = TaskTracker::new();
    let served = serving.spawn(service.serve(stop.clone()));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let events = format!("{address}/api/admin/events");
    let bearer = format!("Bearer {token}");
    let list = client.get(&events).header("authorization", &bearer).send().await.unwrap();
    let list: Value = serde_json::from_str(&list.text().await.unwrap()).unwrap();
    // An event that offers everything there is.
    let event = format!("{events}/{}", list["events"][0]["id"].as_str().unwrap());
    let change = client.patch(event).header("authorization", &bearer);
    let change = change.header("content-type", "application/json");
    let changed = change
        .body(r#"{"access": "registered", "auto_register": true, "own_deployments": "attendee"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), 200);
    let mut wrong = Vec::new();
    let described = operations(&description());
    for path in described.keys() {
        let filled: Vec<_> = path
            .split('/')
            .map(|segment| if segment.starts_with('{') { "nothing1" } else { segment })
            .collect();
        // `/v1/threads/runs` is a separate path, and looks like a thread too.
        let methods: BTreeSet<_> = described
            .iter()
            .filter(|(pattern, _)| is_of(pattern, &filled))
            .flat_map(|(_, methods)| methods)
            .collect();
        let url = format!("{address}/api{}", filled.join("/"));
        for method in METHODS {
            let mut request = client
                .request(method.clone(), &url)
                .header("content-type", "application/json")
                .body(if method == Method::GET { "" } else { "{}" });
            request = match path.starts_with("/admin") {
                true => request.header("authorization", &bearer),
                false => request.header("openai-event-code", "hackathon/ada"),
            };
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.text().await.unwrap();
            let error = serde_json::from_str::<Value>(&text).unwrap_or_default();
            let is_refused = status == 405 || error["error"]["code"] == "unknown_route";
            let is_described = methods.iter().any(|described| *described == method.as_str());
            if is_refused == is_described {
                wrong.push(format!("{method} {path}: {status} {text}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    stop.cancel();
    served.await.unwrap().unwrap();
}

#[test]
fn the_description_holds_together() {
    let description = description();
    let mut ids = BTreeSet::new();
    for item in description["paths"].as_object().unwrap().values() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id), "{id} is there twice");
            }
        }
    }
    let mut references = 0;
    let mut open = vec![&description];
    while let Some(value) = open.pop() {
        if let Some(target) = value.get("$ref") {
            let pointer = target.as_str().unwrap().trim_start_matches('#');
            assert!(description.pointer(pointer).is_some(), "{pointer} leads nowhere");
            references += 1;
        }
        match value {
            Value::Object(fields) => open.extend(fields.values()),
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    assert!(references > 100, "only {references} were found");
}

#[test]
fn jobs_and_assistants_describe_their_governed_fields() {
    let description = description();
    for (path, fields) in [
        ("/v1/threads/{thread}/runs", &["model", "max_prompt_tokens", "max_completion_tokens"][..]),
        ("/v1/threads/runs", &["model", "stream", "tools"]),
        ("/v1/assistants", &["model", "tools", "tool_resources"]),
        ("/v1/videos", &["model", "seconds", "n"]),
        ("/v1/videos/{id}/remix", &["prompt"]),
    ] {
        let body = &description["paths"][path]["post"]["requestBody"]["content"];
        let name = body["application/json"]["schema"]["$ref"].as_str().unwrap();
        let schema = description.pointer(name.trim_start_matches('#')).unwrap();
        for field in fields {
            assert!(schema["properties"][field].is_object(), "{path}: {field}");
        }
    }
}

#[test]
fn the_codes_of_errors_are_the_documented_ones() {
    let page = include_str!("../../docs/errors.md");
    let rows = page.lines().filter(|line| line.starts_with("| 4") || line.starts_with("| 5"));
    let cells = rows.map(|row| row.split('|').nth(2).unwrap());
    let documented: BTreeSet<_> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let description = description();
    let codes = description["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let described: BTreeSet<_> = codes.iter().map(|code| code.as_str().unwrap()).collect();
    assert_eq!(described, documented);
}
