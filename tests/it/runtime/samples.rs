//! `infra/events`: what developers invoke by hand, where `cargo run` has set everything up.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Parser;
use lanyard_local::options::Options;
use lanyard_local::service::Service;
use lanyard_platform::https::use_ring;
use lanyard_runtime::template::{TEMPLATE, Template};
use tokio_util::sync::CancellationToken;

use super::harness::{bootstraps, invoke};
use crate::support::policed;

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_invocation_gets_a_response() {
    use_ring();
    let binaries = bootstraps();
    let binaries = ["--bootstraps", binaries.to_str().unwrap()];
    let words = ["lanyard-local", "--runtime", "--memory", "--port", "0"].into_iter();
    let options = Options::try_parse_from(words.chain(binaries)).unwrap();
    let service = Service::start(options, Template::parse(TEMPLATE).unwrap()).await.unwrap();
    let runtime = Arc::clone(service.runtime.as_ref().unwrap());

    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/events");
    let files = std::fs::read_dir(folder).unwrap();
    let mut samples: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    // The organisers' last, for they change what the others find.
    samples.sort_by_key(|path| path.file_name().unwrap().to_str().unwrap().starts_with("admin"));

    let mut without_sample: BTreeSet<_> = policed::functions().collect();
    for path in samples {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let function = if name.starts_with("admin") { "admin" } else { &name };
        without_sample.remove(function);
        let response = invoke(&runtime, function, std::fs::read(&path).unwrap().into()).await;
        let status = response.get("statusCode").or_else(|| response.get("status"));
        match name.as_str() {
            // They return what they did.
            "sweep" | "clear-objects" => assert!(response["events"].is_u64(), "{response}"),
            "finish-jobs" => assert!(response["settled"].is_u64(), "{response}"),
            // Its token is a place-holder.
            "admin" => assert_eq!(response["statusCode"], 401, "{response}"),
            // They name an event, a response or a container of the reader's own.
            "admin-pause-event" => assert_eq!(response["status"], 404, "{response}"),
            "rate" | "containers" => assert_eq!(response["statusCode"], 404, "{response}"),
            "register" => assert_eq!(response["statusCode"], 401, "{response}"),
            // The event of `cargo run` has none.
            "own-deployments" => assert_eq!(response["statusCode"], 403, "{response}"),
            _ => {
                let status = status.and_then(serde_json::Value::as_u64).unwrap();
                assert!((200..300).contains(&status), "{name}: {response}");
            }
        }
    }
    assert_eq!(without_sample, BTreeSet::new(), "one sample at least for each function");

    let stop = CancellationToken::new();
    stop.cancel();
    service.serve(stop).await.unwrap();
}
