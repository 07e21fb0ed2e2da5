//! Profiles, and where tokens are sent.

use tempfile::TempDir;

use crate::support::{Service, lanyard, lanyard_in};

/// A home with a profile `oslo` of a service, and what else its file has.
fn a_profile(service: &Service, path: &str, more: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("lanyard");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("oslo.token"), service.token()).unwrap();
    let config = format!(
        "default = \"oslo\"\n[profiles.oslo]\naddress = \"{}{path}\"\ntoken_file = \"oslo.token\"\n{more}",
        service.address
    );
    std::fs::write(folder.join("config.toml"), config).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_names_the_service_the_token_and_the_zone() {
    let service = Service::start().await;
    let more = "time_zone = \"Europe/Oslo\"\nconcurrency = 10\n[profiles.none]\n";
    let home = a_profile(&service, "/v1/", more);
    let environment = [("XDG_CONFIG_HOME", home.path().to_str().unwrap())];

    let create = ["event", "create", "Oslo Hack", "--for", "1h", "--json"];
    let run = lanyard(&create, &environment).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    run.assert_hides(&[&service.token()]);
    let made: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(made["event"]["time_zone"], "Europe/Oslo");
    assert_eq!(made["assessment"]["environments"]["available"], 10);

    let run = lanyard(&["--profile", "bergen", "event", "list"], &environment).await;
    assert_eq!(run.exit, Some(2), "{run:?}");
    assert!(run.err.contains("Profiles: none, oslo"), "{run:?}");

    // The profile's token belongs to the profile's service.
    let elsewhere = ["--address", "http://127.0.0.1:9/api", "event", "list"];
    let run = lanyard(&elsewhere, &environment).await;
    assert_eq!(run.exit, Some(4), "{run:?}");
}

#[tokio::test]
async fn no_token_is_sent_in_the_clear() {
    let token = [("LANYARD_ORGANISER_TOKEN", "a-token")];
    for address in ["http://lanyard.invalid/api", "http://127.0.0.1:80@lanyard.invalid/api"] {
        let run = lanyard(&["--address", address, "event", "list"], &token).await;
        assert_eq!(run.exit, Some(4), "{run:?}");
        assert!(run.err.contains("does not use https"), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_service_is_found_by_its_data_folder() {
    let service = Service::start().await;
    let here = tempfile::tempdir().unwrap();
    std::fs::create_dir(here.path().join(".local")).unwrap();
    std::fs::write(here.path().join(".local/organiser-token"), service.token()).unwrap();

    let run =
        lanyard_in(here.path(), &["event", "list"], &[("LANYARD_ADDRESS", &service.address)]).await;

    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(run.out.contains("Local hackathon"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_environment_variable_is_one_that_is_not_set() {
    let service = Service::start().await;
    let home = a_profile(&service, "", "");
    let environment = [
        ("XDG_CONFIG_HOME", home.path().to_str().unwrap()),
        ("LANYARD_ADDRESS", ""),
        ("LANYARD_PROFILE", ""),
        ("LANYARD_CONFIG", ""),
        ("LANYARD_ORGANISER_TOKEN", ""),
    ];
    let run = lanyard(&["event", "list"], &environment).await;
    assert_eq!(run.exit, Some(0), "{run:?}");
    assert!(run.out.contains("Local hackathon"), "{run:?}");
}
