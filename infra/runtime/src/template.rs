//! `template.yaml`, as far as one machine needs it: functions, routes, schedules and the table.
//!
//! The template is the only list of routes; nothing here repeats it.

mod responses;
pub(crate) mod stack;
mod variables;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_yaml_ng::Value;

pub use responses::{GatewayFault, GatewayResponses};
pub use stack::Place;

/// The template that belongs to this build.
pub const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The parts of the template that the emulator uses.
#[derive(Clone, Debug)]
pub struct Template {
    /// The API's stage, the first segment of every path.
    pub stage: String,
    /// Every function.
    pub functions: Vec<Function>,
    /// Every route.
    pub routes: Vec<Route>,
    /// Functions that run by the clock.
    pub schedules: Vec<Schedule>,
    /// The properties of the table, as CloudFormation has them.
    pub table: Value,
    /// The responses of API Gateway itself.
    pub responses: GatewayResponses,
    /// Media types whose bodies reach a function in base64.
    pub binary_media_types: Vec<String>,
    /// All of it, for what is read on demand.
    document: Arc<Value>,
    /// The parameters and their defaults.
    parameters: BTreeMap<String, String>,
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its package, which is also its binary's name.
    pub name: String,
    /// Its name within the template.
    pub logical_id: String,
    /// How long it may run.
    pub timeout: Duration,
    /// Its memory in megabytes.
    pub memory_mb: u64,
    /// Its environment, as CloudFormation has it.
    variables: BTreeMap<String, Value>,
}

/// A path and the function behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Below the stage, in API Gateway's syntax: `{name}` is a segment, `{name+}` the rest.
    pub path: String,
    /// The package of the function.
    pub function: String,
    /// Whether API Gateway streams the response.
    pub is_streamed: bool,
    /// How long the function may run.
    pub timeout: Duration,
    /// How long API Gateway waits for the response.
    pub integration_timeout: Duration,
}

/// API Gateway's default timeout.
const INTEGRATION_TIMEOUT_MS: u64 = 29_000;

/// Lambda's default timeout.
const MEMORY_MB: u64 = 128;

/// A function that runs by the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The package of the function.
    pub function: String,
    /// How often.
    pub every: Duration,
    /// How long it may run.
    pub timeout: Duration,
}

impl Template {
    /// Reads the template of this build.
    ///
    /// # Errors
    ///
    /// If something that is needed is missing, with its place.
    pub fn read() -> Result<Self> {
        Self::parse(TEMPLATE).context("template.yaml cannot be used")
    }

    /// Reads a template.
    ///
    /// # Errors
    ///
    /// If something that is needed is missing, with its place.
    pub fn parse(text: &str) -> Result<Self> {
        let template: Value = serde_yaml_ng::from_str(text)?;
        let resources = template["Resources"].as_mapping().context("it has no Resources")?;
        let globals = &template["Globals"]["Function"];
        let mut read = Self {
            stage: String::new(),
            functions: Vec::new(),
            routes: Vec::new(),
            schedules: Vec::new(),
            table: Value::Null,
            responses: GatewayResponses::default(),
            binary_media_types: Vec::new(),
            document: Arc::new(template.clone()),
            parameters: variables::defaults(&template["Parameters"]),
        };
        for (name, resource) in resources {
            let properties = &resource["Properties"];
            let name = name.as_str().unwrap_or_default();
            match resource["Type"].as_str() {
                Some("AWS::Serverless::Api") => {
                    read.stage = word(&properties["StageName"], name)?;
                    read.responses = GatewayResponses::read(&properties["GatewayResponses"]);
                    let types = properties["BinaryMediaTypes"].as_sequence();
                    let types = types.into_iter().flatten().filter_map(Value::as_str);
                    read.binary_media_types = types.map(ToOwned::to_owned).collect();
                }
                Some("AWS::DynamoDB::Table") => {
                    read.table = properties.clone();
                }
                Some("AWS::Serverless::Function") => {
                    read.function(name, resource, globals)
                        .with_context(|| format!("function {name}"))?;
                }
                Some(_) | None => {}
            }
        }
        if read.stage.is_empty() || read.routes.is_empty() || read.table.is_null() {
            bail!("it needs an API, a table and functions with routes");
        }
        Ok(read)
    }

    fn function(&mut self, logical_id: &str, resource: &Value, globals: &Value) -> Result<()> {
        let properties = &resource["Properties"];
        let function = word(&resource["Metadata"]["BuildProperties"]["Binary"], "Binary")?;
        let timeout = self.number(&properties["Timeout"]).or(globals["Timeout"].as_u64());
        let timeout = Duration::from_secs(timeout.context("it has no Timeout")?);
        let memory_mb = self.number(&properties["MemorySize"]);
        let memory_mb = memory_mb.or(self.number(&globals["MemorySize"])).unwrap_or(MEMORY_MB);
        self.functions.push(Function {
            name: function.clone(),
            logical_id: logical_id.to_owned(),
            timeout,
            memory_mb,
            variables: variables::of(globals, properties),
        });
        let events = properties["Events"].as_mapping();
        for (name, event) in events.into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            let event_properties = &event["Properties"];
            match event["Type"].as_str() {
                Some("Api") => self.routes.push(Route {
                    path: word(&event_properties["Path"], name)?,
                    function: function.clone(),
                    is_streamed: event_properties["ResponseTransferMode"].as_str()
                        == Some("RESPONSE_STREAM"),
                    timeout,
                    integration_timeout: Duration::from_millis(
                        self.number(&event_properties["TimeoutInMillis"])
                            .unwrap_or(INTEGRATION_TIMEOUT_MS),
                    ),
                }),
                Some("Schedule" | "ScheduleV2") => self.schedules.push(Schedule {
                    function: function.clone(),
                    every: rate(&word(
                        event_properties
                            .get("Schedule")
                            .unwrap_or(&event_properties["ScheduleExpression"]),
                        name,
                    )?)?,
                    timeout,
                }),
                other => bail!("event {name} is of a type that is not served here: {other:?}"),
            }
        }
        Ok(())
    }

    /// The route of a path that begins with the stage. The longest literal match wins, as at API
    /// Gateway; a slash at the end does not matter.
    #[must_use]
    pub fn route(&self, path: &str) -> Option<&Route> {
        let below = path.strip_prefix('/')?.strip_prefix(&self.stage)?;
        let below = if below.is_empty() { below } else { below.strip_prefix('/')? };
        let below = below.strip_suffix('/').unwrap_or(below);
        let mut matching: Vec<_> =
            self.routes.iter().filter(|route| matches(&route.path, below)).collect();
        matching.sort_by_key(|route| route.path.matches('{').count());
        matching.first().copied()
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.trim_start_matches('/').split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(segment), Some(rest)) if segment.ends_with("+}") => return !rest.is_empty(),
            (Some(segment), Some(value)) if segment.starts_with('{') && !value.is_empty() => {}
            (Some(segment), Some(value)) if segment == value => {}
            (Some(_) | None, _) => return false,
        }
    }
}

fn word(value: &Value, place: &str) -> Result<String> {
    value.as_str().map(ToOwned::to_owned).with_context(|| format!("{place} has no plain text"))
}

/// `rate(1 minute)` and the like.
fn rate(text: &str) -> Result<Duration> {
    let inner = text.strip_prefix("rate(").and_then(|text| text.strip_suffix(')'));
    let (count, unit) = inner.and_then(|inner| inner.split_once(' ')).context("not a rate(…)")?;
    let minutes = match unit.trim_end_matches('s') {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        _ => bail!("rate in an unknown unit"),
    };
    Ok(Duration::from_secs(count.parse::<u64>()? * minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(path: &str) -> Option<String> {
        Template::read().unwrap().route(path).map(|route| route.function.clone())
    }

    #[test]
    fn the_template_leads_every_base_to_its_function() {
        let chat = Some("chat-completions".to_owned());
        for path in [
            "/api/v1/chat/completions",
            "/api/v1/chat/completions/",
            "/api/openai/v1/chat/completions",
            "/api/openai/deployments/gpt-4o/chat/completions",
            "/api/v1/openai/deployments/gpt-4o/chat/completions",
            "/api/openai-proxy/chat/completions",
        ] {
            assert_eq!(function(path), chat, "{path}");
        }
        for (path, expected) in [
            ("/api/v1/completions", "completions"),
            ("/api/v1/engines/gpt-35-turbo-instruct/completions", "completions"),
            ("/api/openai/v1/images/generations", "images-generations"),
            ("/api/openai/deployments/dall-e-3/images/edits", "images-edits"),
            ("/api/v1/openai/deployments/whisper/audio/transcriptions", "audio-transcriptions"),
            ("/api/openai-proxy/audio/translations", "audio-translations"),
            ("/api/v1/audio/speech", "audio-speech"),
            ("/api/v1/moderations", "moderations"),
            ("/api/openai/moderations", "moderations"),
            ("/api/openai/deployments/gpt-4o/responses", "responses"),
            ("/api/v1/openai/deployments/gpt-4o/responses/resp_1/cancel", "responses"),
            ("/api/openai/deployments/gpt-4o/files", "responses"),
        ] {
            assert_eq!(function(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(function("/api/v1/models/gpt-4o").as_deref(), Some("models"));
        assert_eq!(function("/api/v1/responses/resp_1").as_deref(), Some("responses"));
        assert_eq!(function("/api/openai/responses/resp_1/cancel").as_deref(), Some("responses"));
        assert_eq!(function("/api/v1/responses/req_1/rate").as_deref(), Some("rate"));
        assert_eq!(function("/api/openai-proxy/responses/req_1/rate").as_deref(), Some("rate"));
        assert_eq!(function("/api/event/evt_1").as_deref(), Some("event"));
        assert_eq!(function("/api/event/evt_1/register").as_deref(), Some("register"));
        assert_eq!(function("/api/v1/deployments/mine").as_deref(), Some("own-deployments"));
        assert_eq!(function("/api/admin/events/x/pause").as_deref(), Some("admin"));
        assert_eq!(function("/api/eventinfo").as_deref(), Some("event"));
        assert_eq!(function("/api").as_deref(), Some("pages"));
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/",
            "/api/v2/chat/completions",
            "/v1/chat/completions",
            "/api/admin",
            "/api/openai/images/generations:submit",
            "/api/v1/engines/gpt-4o/chat/completions",
            "/apiv1/models",
        ] {
            assert_eq!(function(path), None, "{path}");
        }
    }

    #[test]
    fn proxied_routes_and_the_pages_are_streamed_by_sam() {
        let template = Template::read().unwrap();
        for route in &template.routes {
            let buffered = ["admin", "event", "models", "own-deployments", "rate", "register"];
            let is_streamed = !buffered.contains(&route.function.as_str());
            assert_eq!(route.is_streamed, is_streamed, "{}", route.path);
        }
        // SAM deploys a buffered integration for any other value, without a warning.
        let words = |text| TEMPLATE.matches(text).count();
        let streamed = template.routes.iter().filter(|route| route.is_streamed).count();
        assert_eq!(words("ResponseTransferMode: RESPONSE_STREAM,"), streamed);
        assert_eq!(words("ResponseTransferMode"), streamed);
    }

    /// API Gateway refuses a second variable at a place in a path, greedy or by another name.
    #[test]
    fn each_place_in_a_path_has_at_most_one_variable() {
        let template = Template::read().unwrap();
        let mut variables = std::collections::BTreeMap::new();
        for route in &template.routes {
            let segments: Vec<_> = route.path.split('/').collect();
            for (depth, segment) in segments.iter().enumerate().filter(|(_, s)| s.starts_with('{'))
            {
                let known = variables.entry(segments[..depth].join("/")).or_insert(*segment);
                assert_eq!(known, segment, "{}", route.path);
            }
        }
        assert!(variables.len() > 10, "{variables:?}");
    }

    #[test]
    fn streamed_functions_and_their_routes_have_the_parameters_time_limit() {
        for (default, seconds) in [("900", 900), ("600", 600), ("300", 300)] {
            let text = TEMPLATE.replace(
                "    Default: 900\n    AllowedValues: [300, 600, 900]",
                &format!("    Default: {default}\n    AllowedValues: [300, 600, 900]"),
            );
            let template = Template::parse(&text).unwrap();
            let limit = Duration::from_secs(seconds);
            let streamed: Vec<_> =
                template.routes.iter().filter(|route| route.is_streamed).collect();
            assert!(streamed.len() > 100);
            for route in streamed {
                let limits = (route.timeout, route.integration_timeout);
                assert_eq!(limits, (limit, limit), "{}", route.path);
            }
        }
    }

    #[test]
    fn schedules_are_read_with_their_times() {
        let minute = Duration::from_secs(60);
        let schedule = |function: &str, minutes, seconds| Schedule {
            function: function.to_owned(),
            every: minutes * minute,
            timeout: Duration::from_secs(seconds),
        };
        let wanted = [
            schedule("sweep", 1, 55),
            schedule("clear-objects", 10, 300),
            schedule("finish-jobs", 1, 50),
        ];
        assert_eq!(Template::read().unwrap().schedules, wanted);
        assert_eq!(rate("rate(2 hours)").unwrap(), 120 * minute);
        assert!(rate("cron(0 * * * ? *)").is_err());
    }
}
