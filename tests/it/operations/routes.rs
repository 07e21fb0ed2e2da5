//! Every route of every function that serves attendees, with malformed requests.
//!
//! The requests are drawn from a seed. The client fails on an unknown header, a secret or an error
//! of another shape, so each response is looked at in full.

use std::collections::BTreeSet;

use bytes::Bytes;
use fastrand::Rng;
use lanyard_functions::{FUNCTIONS, Function, Handler};

use crate::support::{World, canary};

const SEGMENTS: [&str; 8] =
    ["gpt-4o-mini", "resp_none", "..", "%2e%2e", "a%2fb", "x;y", "files", "thread_1/runs"];

const BODIES: [&str; 10] = [
    "",
    "{",
    "[]",
    "null",
    "{}",
    r#"{"model":"../..","stream":"yes"}"#,
    r#"{"model":7,"messages":[],"input":"x","prompt":"x"}"#,
    r#"{"messages":[{"role":"user","content":null}],"input":["x"],"voice":"alloy"}"#,
    r#"{"n":1e400,"seconds":"4","assistant_id":"asst_none","score":99,"secret":"short"}"#,
    "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n",
];

const TYPES: [&str; 4] =
    ["application/json", "multipart/form-data; boundary=b", "text/plain", "application/json; x"];

/// A path of a route, with something in the place of each variable.
fn path(route: &str, random: &mut Rng) -> String {
    let segments = route.split('/').map(|segment| match segment.starts_with('{') {
        true => SEGMENTS[random.usize(..SEGMENTS.len())],
        false => segment,
    });
    format!("/api{}", segments.collect::<Vec<_>>().join("/"))
}

/// A malformed request; none if no client can.
fn request(world: &World, route: &str, random: &mut Rng) -> Option<http::Request<Bytes>> {
    let method = ["GET", "POST", "DELETE", "PUT"][random.usize(..4)];
    let query = ["", "?limit=0", "?api-version=%zz", "?after=x&stream=true"][random.usize(..4)];
    let credential = match random.u8(..8) {
        0 => String::new(),
        1 => "other-code/ada".to_owned(),
        2 => format!("{}/", world.code()),
        _ => format!("{}/ada", world.code()),
    };
    http::Request::builder()
        .method(method)
        .uri(format!("{}{query}", path(route, random)))
        .header("api-key", credential)
        .header("content-type", TYPES[random.usize(..TYPES.len())])
        .body(Bytes::from(BODIES[random.usize(..BODIES.len())].replace('x', canary::PROMPT)))
        .ok()
}

/// The functions that attendees call.
fn functions() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(|function| match function.handler {
        Handler::Gateway
        | Handler::Objects
        | Handler::OwnDeployments
        | Handler::Rate
        | Handler::Register => true,
        Handler::Admin | Handler::Pages | Handler::Schedule => false,
    })
}

#[tokio::test]
async fn no_route_fails_for_any_odd_request() {
    let world = World::event("routes").everything().keeping().start().await;
    let mut random = Rng::with_seed(1);
    for function in functions() {
        let mut statuses = BTreeSet::new();
        for route in function.paths() {
            for _ in 0..8 {
                let Some(request) = request(&world, &route.path, &mut random) else { continue };
                let sent = format!("{} {}", request.method(), request.uri());
                let response = world.send(request).await;
                assert!(!response.status().is_server_error(), "{sent}: {}", response.line());
                statuses.insert(response.status().as_u16());
            }
        }
        let name = function.name;
        let needs_code = function.handler != Handler::Register;
        // Whether a registration comes as far as its code is a matter of the seed.
        assert!(statuses.contains(&401) || !needs_code, "{name}: {statuses:?}");
        assert!(statuses.len() > 1, "{name} is not reached: {statuses:?}");
    }
    world.end_jobs().await;
    world.settle().await;
}
