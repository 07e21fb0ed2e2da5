//! A command's connection to the service. A dry run sends no writes.

use serde_json::{Value, json};

use crate::api::{Api, Method};
use crate::error::CliError;
use crate::globals::Globals;
use crate::output::Output;
use crate::profile::Profile;

/// What a command needs.
pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) output: Output,
    pub(crate) globals: Globals,
    pub(crate) profile: Profile,
}

impl Session {
    /// Reads the profile and the token. Sends nothing.
    pub(crate) fn open(globals: Globals) -> Result<Self, CliError> {
        let profile = Profile::read(&globals)?;
        let base = profile.base(&globals);
        let token = profile.token(&globals, &base);
        let api = Api::new(base, token)?;
        Ok(Self { api, output: Output::new(&globals), globals, profile })
    }

    /// Sends a write. A dry run prints it instead and returns `None`.
    pub(crate) async fn write(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, CliError> {
        if self.globals.dry_run {
            self.plan(method, path, body)?;
            return Ok(None);
        }
        self.api.send(method, path, body).await.map(Some)
    }

    /// Prints the write that a dry run does not send, without its key.
    fn plan(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(), CliError> {
        let mut body = body.cloned();
        if let Some(key) = body.as_mut().and_then(|body| body.get_mut("key")) {
            *key = json!("[redacted]");
        }
        let (method, path) = (method.name(), format!("/api/admin{path}"));
        let call = json!({"dry_run": true, "method": method, "path": path, "body": body});
        self.output.line(&call, || {
            let body = body.map(|body| format!(" {body}")).unwrap_or_default();
            format!("{method} {path}{body}")
        })
    }

    /// Asks for confirmation before something that cannot be undone.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), CliError> {
        match self.globals.yes || self.globals.dry_run {
            true => Ok(()),
            false => self.output.confirm(question),
        }
    }

    /// The event with this id, code or name.
    pub(crate) async fn event(&self, wanted: &str) -> Result<Value, CliError> {
        if wanted.starts_with("evt_") {
            return self.api.get(&format!("/events/{}", crate::api::encoded(wanted))).await;
        }
        let events = self.api.all("/events", "events").await?;
        let is = |event: &Value, field: &str| {
            event[field].as_str().is_some_and(|text| text.eq_ignore_ascii_case(wanted))
        };
        if let Some(event) = events.iter().find(|event| is(event, "code")) {
            return Ok(event.clone());
        }
        let mut named: Vec<_> = events.iter().filter(|event| is(event, "name")).collect();
        // Of several with the same name, ended ones are rarely meant.
        if named.len() > 1 {
            named.retain(|event| event["status"] != "ended");
        }
        match named.as_slice() {
            [event] => Ok((*event).clone()),
            [] => Err(CliError::Failed(format!(
                "No event has the id, code or name {wanted}. `lanyard event list` shows your \
                 events."
            ))),
            several => {
                let codes: Vec<_> =
                    several.iter().filter_map(|event| event["code"].as_str()).collect();
                Err(CliError::Failed(format!(
                    "{} events are named {wanted}. Use a code: {}. `lanyard event edit CODE --name \
                     NAME` renames one.",
                    codes.len(),
                    codes.join(", ")
                )))
            }
        }
    }
}

/// The path of an event, followed by `below`.
pub(crate) fn event_path(event: &Value, below: &str) -> String {
    format!("/events/{}{below}", event["id"].as_str().unwrap_or_default())
}
