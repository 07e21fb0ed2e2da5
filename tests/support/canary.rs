//! Secrets that no other text contains, and the places where they must not appear.
//!
//! Every world uses the same key, prompt and completion, and a code that ends in [`CODE`], so one
//! watch over the logs of all tests suffices. It sees what our own crates log, at every level.

use std::io;
use std::sync::{Mutex, Once, PoisonError};

use lanyard_functions::FUNCTIONS;
use tracing_subscriber::EnvFilter;

/// The key of every deployment.
pub(crate) const KEY: &str = "canary-key-5d1f0c";
/// The end of every event code.
pub(crate) const CODE: &str = "canary.code-7e21";
/// A part of every prompt.
pub(crate) const PROMPT: &str = "canary-prompt-93ab";
/// The model's text.
pub(crate) const COMPLETION: &str = "canary-completion-c04e";
/// The beginning of every deployment's name at Azure.
pub(crate) const AZURE_NAME: &str = "canary-azure-name";

/// AWS's identity token, in the usual format.
pub(crate) const PROOF: &str = "canaryhead.canaryproof-2b8e.canarysignature";
/// Entra's token for it.
pub(crate) const TOKEN: &str = "canary.token-9d40.entra";
/// The key that signs requests to AWS.
pub(crate) const AWS_SECRET: &str = "canary-aws-secret-61fa";
/// The session token that is sent with the signature.
pub(crate) const AWS_SESSION: &str = "canary-aws-session-07c3";
/// Everything that makes up for a key.
pub(crate) const TOKENS: [&str; 4] = [PROOF, TOKEN, AWS_SECRET, AWS_SESSION];

/// Our crates, whose logs are watched beside those of the functions.
const CRATES: [&str; 6] = [
    "lanyard_domain",
    "lanyard_protocol",
    "lanyard_gateway",
    "lanyard_objects",
    "lanyard_administration",
    "lanyard_platform",
];

/// What is watched. A dependency at level trace may print anything.
fn watched() -> String {
    let functions = FUNCTIONS.iter().map(|function| function.name.replace('-', "_"));
    let crates = CRATES.into_iter().map(str::to_owned).chain(functions);
    crates.fold("off".to_owned(), |filter, name| format!("{filter},{name}=trace"))
}

static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Watches the logs from now on. A second call changes nothing.
pub(crate) fn watch_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = tracing_subscriber::fmt()
            .json()
            .with_env_filter(EnvFilter::new(watched()))
            .with_writer(|| Watch)
            .try_init();
    });
}

/// Fails if a log line of any test had a secret in it.
pub(crate) fn assert_logs_are_clean() {
    let leaks = LEAKS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(leaks.is_empty(), "secrets in the log: {leaks:#?}");
}

/// The first secret in a text.
pub(crate) fn in_text<'s>(text: &str, secrets: &[&'s str]) -> Option<&'s str> {
    secrets.iter().copied().find(|secret| text.contains(secret))
}

struct Watch;

impl io::Write for Watch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let has = |secrets: &[&str]| in_text(&text, secrets).is_some();
        if has(&[KEY, CODE, PROMPT, COMPLETION, AZURE_NAME]) || has(&TOKENS) {
            LEAKS.lock().unwrap_or_else(PoisonError::into_inner).push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
