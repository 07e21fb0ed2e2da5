//! What a fresh clone needs: an organiser, deployments and an event that is open now.
//!
//! All of it is made by the organisers' own API, so that what is tried here is what is deployed.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use lanyard_administration::Administration;
use lanyard_administration::direct::{self, DirectCall, DirectResponse};
use lanyard_domain::models::DEFAULT_MODEL;
use lanyard_platform::keys::write_private;
use serde_json::{Value, json};

use crate::simulator::{REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE};

/// The organiser of this machine.
const ORGANISER: &str = "main";

/// The event's code, plain because it is the documentation's.
const CODE: &str = "hackathon";

/// The settings of the first run.
pub struct FirstRun {
    /// Azure, or its simulator.
    pub azure_endpoint: String,
    /// The resource's key; the simulator accepts any key.
    pub azure_key: Option<String>,
    /// Whether Azure is simulated.
    pub is_simulated: bool,
    /// Where data is kept, if it is.
    pub data: Option<PathBuf>,
}

/// The message when everything is running.
pub struct Welcome {
    is_simulated: bool,
    data: Option<PathBuf>,
    token: Option<String>,
}

/// Makes what is missing.
///
/// # Errors
///
/// If the organisers' API refuses, or a file cannot be written.
pub async fn prepare(admin: &Arc<Administration>, first: FirstRun) -> Result<Welcome> {
    let token = organiser_token(admin, first.data.as_ref()).await?;
    let key = match (&first.azure_key, first.is_simulated) {
        (Some(key), _) => key.clone(),
        (None, true) => "simulated".to_owned(),
        (None, false) => {
            bail!("a real Azure endpoint needs a key: AZURE_OPENAI_API_KEY or --azure-key-file")
        }
    };
    let transcription: &[&str] = &["audio_transcriptions", "audio_translations"];
    let text: &[&str] = &[
        "chat_completions",
        "responses",
        "conversations",
        "files",
        "vector_stores",
        "assistants",
        "threads",
    ];
    let images: &[&str] = &["images_generations", "images_edits"];
    let mut deployments: Vec<(&str, &[&str])> =
        vec![(DEFAULT_MODEL, text), ("gpt-4o", text), ("text-embedding-3-small", &["embeddings"])];
    // A real resource seldom has them all: there, an organiser adds what it has.
    if first.is_simulated {
        deployments.extend([
            // The model of older examples.
            ("gpt-4o-mini", text),
            ("gpt-35-turbo-instruct", &["completions"]),
            ("dall-e-3", &["images_generations"]),
            ("gpt-image-1", images),
            ("whisper", transcription),
            ("gpt-4o-mini-transcribe", &["audio_transcriptions"]),
            ("gpt-4o-mini-tts", &["audio_speech"]),
            ("omni-moderation", &["moderations"]),
            ("sora-2", &["videos"]),
            ("claude-sonnet-5", &["messages"]),
        ]);
    }
    for (name, operations) in deployments {
        let deployment = json!({
            "endpoint": first.azure_endpoint, "azure_name": name, "operations": operations,
            "key": key, "requests_per_minute": REQUESTS_PER_MINUTE,
            "tokens_per_minute": TOKENS_PER_MINUTE,
        });
        call(admin, "PUT", &format!("/deployments/{name}"), Some(deployment)).await?;
    }
    make_event(admin, first.is_simulated).await?;
    Ok(Welcome { is_simulated: first.is_simulated, data: first.data, token })
}

/// The organiser's token: made once and kept in the data folder, or made anew and shown.
async fn organiser_token(
    admin: &Arc<Administration>,
    data: Option<&PathBuf>,
) -> Result<Option<String>> {
    let file = data.map(|data| data.join("organiser-token"));
    if file.as_ref().is_some_and(|file| file.exists()) {
        return Ok(None);
    }
    let made = call(admin, "POST", "/organisers", Some(json!({"name": ORGANISER}))).await?;
    let token = made["token"].as_str().context("no token was made")?.to_owned();
    match file {
        Some(file) => {
            let written = write_private(&file, format!("{token}\n").as_bytes()).await;
            written.with_context(|| format!("{} cannot be written", file.display()))?;
            Ok(None)
        }
        None => Ok(Some(token)),
    }
}

/// Whether an earlier run has made the event. Asking first keeps a refusal out of the log.
async fn has_event(admin: &Arc<Administration>) -> Result<bool> {
    let mut cursor = String::new();
    loop {
        let page = call(admin, "GET", &format!("/events?limit=100{cursor}"), None).await?;
        let mut events = page["events"].as_array().into_iter().flatten();
        if events.any(|event| event["code"] == CODE) {
            return Ok(true);
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(false),
        }
    }
}

async fn make_event(admin: &Arc<Administration>, is_simulated: bool) -> Result<()> {
    if has_event(admin).await? {
        return Ok(());
    }
    let now = admin.clock.now();
    let mut defaults = json!({
        "chat_completions": DEFAULT_MODEL, "responses": DEFAULT_MODEL,
        "embeddings": "text-embedding-3-small",
    });
    if is_simulated {
        defaults["audio_transcriptions"] = "whisper".into();
        defaults["images_generations"] = "dall-e-3".into();
    }
    // Azure bills these apart, so with a real one it is the organiser who allows them.
    let tools: &[&str] = if is_simulated { &["code_interpreter", "file_search"] } else { &[] };
    let event = json!({
        "name": "Local hackathon",
        "starts_at": (now - chrono::TimeDelta::hours(1)).to_rfc3339(),
        "ends_at": (now + chrono::TimeDelta::days(30)).to_rfc3339(),
        "time_zone": "UTC",
        "code": CODE,
        "attendees": 100,
        "keeps_objects": true,
        "default_deployments": defaults,
        "extra_tool_types": tools,
    });
    let response = direct(admin, "POST", "/events", Some(event)).await?;
    let is_there_already = response.body["error"]["code"] == "code_taken";
    if response.status == 201 || is_there_already {
        return Ok(());
    }
    bail!("the event {CODE} cannot be made: {}", response.body["error"]["message"])
}

async fn direct(
    admin: &Arc<Administration>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<DirectResponse> {
    let call = DirectCall {
        method: method.to_owned(),
        path: path.to_owned(),
        organiser: Some(ORGANISER.to_owned()),
        body,
    };
    direct::direct(admin, call).await.map_err(|cause| anyhow::anyhow!(cause))
}

async fn call(
    admin: &Arc<Administration>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<Value> {
    let response = direct(admin, method, path, body).await?;
    if !(200..300).contains(&response.status) {
        bail!("{method} {path}: {}", response.body["error"]["message"]);
    }
    Ok(response.body)
}

impl Welcome {
    /// The organiser's token, where nothing keeps it.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What is printed: where, how, and with what.
    #[must_use]
    pub fn text(&self, address: &str) -> String {
        let azure = match self.is_simulated {
            true => "Azure is simulated: responses begin with [simulated], and no model is called.",
            false => "Azure is real: what attendees use is billed.",
        };
        let kept = match (&self.data, &self.token) {
            (Some(data), _) => format!(
                "The organiser's token is in {}; everything is kept in {}.",
                data.join("organiser-token").display(),
                data.display()
            ),
            (None, Some(token)) => format!("Nothing is kept. The organiser's token is {token}"),
            (None, None) => "Nothing is kept.".to_owned(),
        };
        format!(
            "Lanyard is ready at {address}/api/v1, the code is {CODE}.\n\n  \
             curl {address}/api/v1/chat/completions \\\n    \
             -H 'openai-event-code: {CODE}/githubuser' \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             -d '{{\"messages\": [{{\"role\": \"user\", \"content\": \"Write a poem about Indian elephants\"}}]}}'\n\n\
             The attendees' page:       {address}/api/pages#code={CODE}\n\
             The organisers' dashboard: {address}/api/pages/dashboard\n\n\
             {azure}\n{kept}\nCtrl-C ends it.\n"
        )
    }
}
