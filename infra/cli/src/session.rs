//! One command's way to the service: reads go out, writes go out unless it is a dry run.

use serde_json::{Value, json};

use crate::api::{Api, Method};
use crate::fault::Fault;
use crate::options::Globals;
use crate::output::Output;
use crate::profile::Profile;

/// What a command works with.
pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) output: Output,
    pub(crate) globals: Globals,
    pub(crate) profile: Profile,
}

impl Session {
    /// Finds the service and the token. Nothing is sent yet.
    pub(crate) fn open(globals: Globals) -> Result<Self, Fault> {
        let profile = Profile::read(&globals)?;
        let base = profile.base(&globals);
        let token = profile.token(&globals, &base);
        let api = Api::new(base, token)?;
        Ok(Self { api, output: Output::new(globals.json), globals, profile })
    }

    /// Changes something. In a dry run the call is printed instead, and there is no answer.
    pub(crate) async fn write(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, Fault> {
        if self.globals.dry_run {
            self.plan(method, path, body)?;
            return Ok(None);
        }
        self.api.send(method, path, body).await.map(Some)
    }

    /// Prints a call that a dry run does not make. A key is not part of it.
    fn plan(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(), Fault> {
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

    /// Asks before something that cannot be taken back.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), Fault> {
        match self.globals.yes || self.globals.dry_run {
            true => Ok(()),
            false => self.output.confirm(question),
        }
    }

    /// The event of this id, code or name.
    pub(crate) async fn event(&self, wanted: &str) -> Result<Value, Fault> {
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
        // Of several with the same name, those that are over are seldom meant.
        if named.len() > 1 {
            named.retain(|event| event["status"] != "ended");
        }
        match named.as_slice() {
            [event] => Ok((*event).clone()),
            [] => Err(Fault::Failed(format!(
                "No event has the id, code or name {wanted}. `lanyard event list` shows your \
                 events."
            ))),
            several => {
                let ids: Vec<_> = several.iter().filter_map(|event| event["id"].as_str()).collect();
                Err(Fault::Failed(format!(
                    "{} events are named {wanted}. Use an id: {}.",
                    ids.len(),
                    ids.join(", ")
                )))
            }
        }
    }
}

/// The path of an event, and of what stands below it.
pub(crate) fn path_of(event: &Value, below: &str) -> String {
    format!("/events/{}{below}", event["id"].as_str().unwrap_or_default())
}
