//! `template.yaml`, as far as one machine needs it: functions, routes, schedules and the table.
//!
//! The template is the one list of routes; nothing here repeats it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_yaml_ng::Value;

/// The template that belongs to this build.
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// What the template says.
#[derive(Clone, Debug)]
pub struct Template {
    /// The API's stage, the first segment of every path.
    pub stage: String,
    /// Every route.
    pub routes: Vec<Route>,
    /// Functions that run by the clock.
    pub schedules: Vec<Schedule>,
    /// The properties of the table, as CloudFormation has them.
    pub table: Value,
}

/// A path and the function behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Below the stage, in API Gateway's words: `{name}` is a segment, `{name+}` the rest.
    pub path: String,
    /// The package of the function.
    pub function: String,
    /// Whether API Gateway hands the answer on as it comes.
    pub is_streamed: bool,
    /// How long the function may run.
    pub timeout: Duration,
}

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

    fn parse(text: &str) -> Result<Self> {
        let template: Value = serde_yaml_ng::from_str(text)?;
        let resources = template["Resources"].as_mapping().context("it has no Resources")?;
        let globals = &template["Globals"]["Function"];
        let mut read = Self {
            stage: String::new(),
            routes: Vec::new(),
            schedules: Vec::new(),
            table: Value::Null,
        };
        for (name, resource) in resources {
            let properties = &resource["Properties"];
            let name = name.as_str().unwrap_or_default();
            match resource["Type"].as_str() {
                Some("AWS::Serverless::Api") => {
                    read.stage = word(&properties["StageName"], name)?;
                }
                Some("AWS::DynamoDB::Table") => read.table = properties.clone(),
                Some("AWS::Serverless::Function") => {
                    read.function(resource, globals).with_context(|| format!("function {name}"))?;
                }
                Some(_) | None => {}
            }
        }
        if read.stage.is_empty() || read.routes.is_empty() || read.table.is_null() {
            bail!("it needs an API, a table and functions with routes");
        }
        Ok(read)
    }

    fn function(&mut self, resource: &Value, globals: &Value) -> Result<()> {
        let properties = &resource["Properties"];
        let function = word(&resource["Metadata"]["BuildProperties"]["Binary"], "Binary")?;
        let timeout = properties["Timeout"].as_u64().or(globals["Timeout"].as_u64());
        let timeout = Duration::from_secs(timeout.context("it has no Timeout")?);
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
        let below = path.strip_prefix('/')?.strip_prefix(&self.stage)?.strip_prefix('/')?;
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
        ] {
            assert_eq!(function(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(function("/api/v1/models/gpt-4o").as_deref(), Some("models"));
        assert_eq!(function("/api/admin/events/x/pause").as_deref(), Some("admin"));
        assert_eq!(function("/api/eventinfo").as_deref(), Some("event"));
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/",
            "/api",
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
    fn streamed_routes_are_the_proxied_ones_and_say_so_in_sams_word() {
        let template = Template::read().unwrap();
        for route in &template.routes {
            let is_proxied = !["admin", "event", "models"].contains(&route.function.as_str());
            assert_eq!(route.is_streamed, is_proxied, "{}", route.path);
        }
        // SAM deploys a buffered integration for any other word, without a warning.
        let words: Vec<_> = TEMPLATE
            .lines()
            .filter_map(|line| line.trim().strip_prefix("ResponseTransferMode:"))
            .collect();
        let streamed = template.routes.iter().filter(|route| route.is_streamed).count();
        assert_eq!(words.len(), streamed);
        assert!(words.iter().all(|word| word.trim() == "RESPONSE_STREAM"), "{words:?}");
    }

    #[test]
    fn every_function_of_the_template_runs_here() {
        let template = Template::read().unwrap();
        let functions: std::collections::BTreeSet<_> =
            template.routes.iter().map(|route| route.function.as_str()).collect();
        assert_eq!(functions, crate::front::FUNCTIONS.into());
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
