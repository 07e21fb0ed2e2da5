//! The handout.

use serde_json::Value;

use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn a_handout_is_one_self_contained_page() {
    let service = Service::start().await;

    let page = service.run_ok(&["handout", "hackathon"]).await;
    assert!(page.starts_with("<!doctype html>"));
    // The browser test shows that the page makes of it what the service's own page makes.
    let (_, saved) = page.split_once("id=\"saved\">").unwrap();
    let saved: Value = serde_json::from_str(saved.split_once("</script>").unwrap().0).unwrap();
    assert_eq!(saved["event"]["code"], "hackathon");
    assert_eq!(saved["base"], service.address);
    assert!(saved["setups"]["codex"].as_str().unwrap().contains(&service.address), "{saved}");
    assert!(saved["setups"].as_object().unwrap().len() > 10);

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
