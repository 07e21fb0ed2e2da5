//! The handout.

use serde_json::Value;

use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn a_handout_is_one_self_contained_page() {
    let service = Service::start().await;

    let page = service.run_ok(&["handout", "hackathon"]).await;
    assert!(page.starts_with("<!doctype html>"), "{page}");
    for wanted in ["<svg", "hackathon/YOURNAME", "requests per minute.", "gpt-5-mini"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(page.contains(&format!("{}/v1/chat/completions", service.address)));

    let file = service.data.path().join("handout.html");
    let said = service.json(&["handout", "hackathon", "-o", file.to_str().unwrap()]).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), page);
    assert_eq!(said["link"], format!("{}/pages#code=hackathon", service.address));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_qr_code_is_written_as_svg_or_png() {
    let service = Service::start().await;
    let file = |name: &str| service.data.path().join(name).to_str().unwrap().to_owned();
    let (svg, png) = (file("code.svg"), file("code.png"));
    let qr = ["handout", "hackathon", "--page", "https://hack.example/join#old", "--qr"];

    let said: Value = service.json(&[&qr[..], &["svg", &svg]].concat()).await;
    assert_eq!(said["link"], "https://hack.example/join#code=hackathon");
    assert!(std::fs::read_to_string(&svg).unwrap().contains("<svg"));
    service.run_ok(&[&qr[..], &["png", &png]].concat()).await;
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG\r\n"));
    assert_eq!(service.run(&[&qr[..], &["gif", &png]].concat()).await.exit, Some(2));

    std::fs::remove_file(&png).unwrap();
    service.run_ok(&[&qr[..], &["png", &png, "--dry-run"]].concat()).await;
    assert!(!std::path::Path::new(&png).exists());
}
