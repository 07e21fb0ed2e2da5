//! `infra/events`: what developers invoke by hand.

use super::stand::Stand;

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_invocation_is_answered() {
    let stand = Stand::start(&[]).await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/events");
    let mut samples = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let function = if name.starts_with("admin") { "admin" } else { &name };
        let answer = stand.invoke(function, std::fs::read(&path).unwrap()).await;
        let status = answer.get("statusCode").or_else(|| answer.get("status"));
        match name.as_str() {
            // It says what it did.
            "sweep" => assert!(answer["events"].is_u64(), "{answer}"),
            // Its token is a place-holder.
            "admin" => assert_eq!(answer["statusCode"], 401, "{answer}"),
            // It names an event of the reader's own.
            "admin-pause-event" => assert_eq!(answer["status"], 404, "{answer}"),
            _ => {
                let status = status.and_then(serde_json::Value::as_u64).unwrap();
                assert!((200..300).contains(&status), "{name}: {answer}");
            }
        }
        samples += 1;
    }
    assert!(samples >= 6, "one for each function");
    stand.end().await;
}
