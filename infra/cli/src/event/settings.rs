//! Settings of an event that `create` and `edit` share, as the body of a request.

use clap::{ArgAction, Args};
use serde_json::{Map, Value, json};

use crate::count::count;
use crate::error::CliError;

/// The options. Those that are absent stay as they are, or get their defaults.
#[derive(Args, Debug, Default)]
pub(super) struct Settings {
    /// Expected number of attendees. Default: 100.
    #[arg(long, value_name = "NUMBER", value_parser = count, allow_negative_numbers = true)]
    attendees: Option<u64>,

    /// Deployments to offer, separated by commas, or `all`.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    deployments: Vec<String>,

    /// Model of requests that name none: chat_completions=gpt-5-mini. Can be repeated.
    #[arg(long = "default-model", value_name = "OPERATION=NAME", value_parser = pair)]
    default_models: Vec<(String, String)>,

    /// Max output tokens of a choice. Default: 4096, or 16384 for reasoning models.
    #[arg(long, value_name = "TOKENS", value_parser = count, allow_negative_numbers = true)]
    max_completion_tokens: Option<u64>,

    /// Max number of choices of a request.
    #[arg(long, value_name = "NUMBER", value_parser = count, allow_negative_numbers = true)]
    max_choices: Option<u64>,

    /// Budget of the event in total tokens. Each attendee gets twice the fair share of it, unless
    /// --limit tokens_total is set.
    #[arg(long, value_name = "TOKENS", value_parser = count, allow_negative_numbers = true)]
    budget: Option<u64>,

    /// Budget of the event in US dollars, such as 50. Needs models whose prices are known. Each
    /// attendee gets twice the fair share of it, unless --limit usd_total is set.
    #[arg(long, value_name = "USD", value_parser = dollars, allow_negative_numbers = true)]
    budget_usd: Option<f64>,

    /// Limit of each attendee: tokens_per_minute=50000, or none. On one model:
    /// gpt-5:requests_per_day=20. Can be repeated.
    #[arg(long = "limit", value_name = "[MODEL:]LIMIT=NUMBER", value_parser = limit)]
    limits: Vec<(String, Value)>,

    /// Limit of the event as a whole: attendees=300, or none. On one model: gpt-5:usd_total=20.
    /// Can be repeated.
    #[arg(long = "event-limit", value_name = "[MODEL:]LIMIT=NUMBER", value_parser = limit)]
    event_limits: Vec<(String, Value)>,

    /// Who can use the event.
    #[arg(long, value_parser = ["open", "roster", "registered"])]
    access: Option<String>,

    /// Whether the code alone works too, at registered access.
    #[arg(long, value_name = "true|false")]
    auto_register: Option<bool>,

    /// Who may add deployments for a single attendee.
    #[arg(long, value_parser = ["none", "organiser", "attendee"])]
    own_deployments: Option<String>,

    /// Record each request. Sessions and ratings need it; texts are never stored.
    #[arg(long, value_name = "true|false")]
    records: Option<bool>,

    /// Let attendees store objects at Azure: responses, conversations, files, vector stores,
    /// assistants, threads and videos.
    #[arg(
        long,
        value_name = "true|false",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    keeps_objects: Option<bool>,

    /// Decision on a type of tool that Azure runs: allow, drop, refuse or default. Can be repeated.
    #[arg(long = "hosted-tool", value_name = "TYPE=DECISION", value_parser = pair)]
    hosted_tools: Vec<(String, String)>,

    /// Name of the contact person.
    #[arg(long, value_name = "NAME")]
    contact: Option<String>,

    /// Email address of the contact person.
    #[arg(long, value_name = "ADDRESS")]
    contact_email: Option<String>,

    /// Show the email address to everybody with the link, not only to attendees.
    #[arg(long, value_name = "true|false")]
    contact_public: Option<bool>,

    /// Description of the event, in Markdown.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Website of the event.
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Text of the link to the website.
    #[arg(long, value_name = "TEXT")]
    url_text: Option<String>,

    /// Image on the attendee page.
    #[arg(long, value_name = "URL")]
    image_url: Option<String>,
}

/// Two words with `=` between them. The service says which there are.
fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    let (name, value) = parts.ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A limit and its number; `none` removes it.
pub(crate) fn limit(text: &str) -> Result<(String, Value), String> {
    let (name, value) = pair(text)?;
    let number = match value.as_str() {
        "none" => Value::Null,
        number => match count(number) {
            Ok(count) => json!(count),
            Err(_) => number
                .parse::<serde_json::Number>()
                .map(Value::Number)
                .map_err(|_| "must be LIMIT=NUMBER, or LIMIT=none".to_owned())?,
        },
    };
    let name = match name.split_once(':') {
        // The name of a model stays as it is.
        Some((model, limit)) => format!("{model}:{}", limit.replace('-', "_")),
        None => name.replace('-', "_"),
    };
    Ok((name, number))
}

/// US dollars, as people write them.
fn dollars(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let number = text.strip_prefix('$').unwrap_or(text).trim_start().parse::<f64>().ok();
    number
        .filter(|number| (0.0..f64::INFINITY).contains(number))
        .ok_or_else(|| "must be a number of US dollars, such as 50 or 12.50".to_owned())
}

/// A text; an empty one removes the value.
fn words(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

impl Settings {
    /// The fields that were given.
    ///
    /// # Errors
    ///
    /// If the budget is given twice.
    pub(super) fn fields(&self) -> Result<Map<String, Value>, CliError> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        set("attendees", self.attendees.map(Value::from));
        set("max_completion_tokens", self.max_completion_tokens.map(Value::from));
        set("max_choices", self.max_choices.map(Value::from));
        set("access", self.access.as_deref().map(Value::from));
        set("auto_register", self.auto_register.map(Value::from));
        set("own_deployments", self.own_deployments.as_deref().map(Value::from));
        set("records_requests", self.records.map(Value::from));
        set("keeps_objects", self.keeps_objects.map(Value::from));
        set("description", self.description.as_deref().map(words));
        set("url", self.url.as_deref().map(words));
        set("url_text", self.url_text.as_deref().map(words));
        set("image_url", self.image_url.as_deref().map(words));
        set("deployments", self.offered());
        set("default_deployments", named(&self.default_models, "default"));
        set("hosted_tools", named(&self.hosted_tools, "default"));
        set("contact", self.contact_fields());
        set("allowances", self.allowances()?);
        Ok(fields)
    }

    fn offered(&self) -> Option<Value> {
        match self.deployments.as_slice() {
            [] => None,
            [all] if all == "all" => Some(Value::Null),
            names => Some(json!(names)),
        }
    }

    fn contact_fields(&self) -> Option<Value> {
        let fields = [
            ("name", self.contact.as_deref().map(words)),
            ("email", self.contact_email.as_deref().map(words)),
            ("email_public", self.contact_public.map(Value::from)),
        ];
        object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))))
    }

    fn allowances(&self) -> Result<Option<Value>, CliError> {
        let mut event: Map<_, _> = self.event_limits.iter().cloned().collect();
        let budgets = [
            ("budget", "tokens_total", self.budget.map(Value::from)),
            ("budget-usd", "usd_total", self.budget_usd.map(Value::from)),
        ];
        for (flag, limit, budget) in budgets {
            if let Some(budget) = budget
                && event.insert(limit.to_owned(), budget).is_some()
            {
                return Err(CliError::Usage(format!(
                    "--{flag} and --event-limit {limit} are the same limit"
                )));
            }
        }
        let attendee = self.limits.iter().cloned().collect();
        let parts = [("attendee", by_model(attendee)), ("event", by_model(event))];
        Ok(object(parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?)))))
    }
}

/// The limits of an account, with those on a model, such as `gpt-5:requests_per_day`, below `by_model`.
pub(crate) fn by_model(limits: Map<String, Value>) -> Option<Value> {
    let (mut all, mut models) = (Map::new(), Map::<String, Value>::new());
    for (name, number) in limits {
        match name.split_once(':') {
            None => {
                all.insert(name, number);
            }
            Some((model, limit)) => {
                let of_model = models.entry(model).or_insert_with(|| json!({}));
                of_model[limit] = number;
            }
        }
    }
    if let Some(models) = object(models) {
        all.insert("by_model".to_owned(), models);
    }
    object(all)
}

/// An object of names and values, unless it is empty. One word stands for `null`.
fn named(pairs: &[(String, String)], null: &str) -> Option<Value> {
    let value = |text: &String| if text == null { Value::Null } else { json!(text) };
    object(pairs.iter().map(|(name, text)| (name.clone(), value(text))))
}

fn object(fields: impl IntoIterator<Item = (String, Value)>) -> Option<Value> {
    let fields: Map<_, _> = fields.into_iter().collect();
    (!fields.is_empty()).then_some(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_none() {
        assert_eq!(limit("in-flight=4"), Ok(("in_flight".to_owned(), json!(4))));
        assert_eq!(limit("tokens_total=20,000"), Ok(("tokens_total".to_owned(), json!(20_000))));
        assert_eq!(limit("tokens_total=none"), Ok(("tokens_total".to_owned(), Value::Null)));
        let of_model = limit("gpt-5-mini:requests-per-day=20");
        assert_eq!(of_model, Ok(("gpt-5-mini:requests_per_day".to_owned(), json!(20))));
        assert!(limit("tokens_total=many").is_err() && limit("tokens_total").is_err());
    }

    #[test]
    fn dollars_are_a_finite_number_that_is_not_negative() {
        for (text, expected) in [("50", 50.0), ("$12.50", 12.5), (" $ 7 ", 7.0), ("0", 0.0)] {
            assert_eq!(dollars(text), Ok(expected), "{text}");
        }
        for text in ["inf", "nan", "1e400", "-1", "$$7", "$", "fifty"] {
            assert!(dollars(text).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_on_models_are_sent_below_the_model() {
        let given =
            ["in_flight=4", "gpt-5:usd_total=2.5", "o3:requests_total=none", "gpt-5:in-flight=1"];
        let limits = given.map(|text| limit(text).unwrap()).to_vec();
        let fields = Settings { limits, ..Settings::default() }.fields().unwrap();
        let by_model =
            json!({"gpt-5": {"usd_total": 2.5, "in_flight": 1}, "o3": {"requests_total": null}});
        let expected = json!({"attendee": {"in_flight": 4, "by_model": by_model}});
        assert_eq!(fields["allowances"], expected);
    }

    #[test]
    fn only_what_was_given_is_sent() {
        assert!(Settings::default().fields().unwrap().is_empty());
        let settings = Settings {
            deployments: vec!["all".to_owned()],
            hosted_tools: vec![("mcp".to_owned(), "default".to_owned())],
            budget: Some(7),
            budget_usd: Some(12.5),
            contact_email: Some(String::new()),
            ..Settings::default()
        };
        let fields = Value::Object(settings.fields().unwrap());
        let wanted = json!({
            "deployments": null, "hosted_tools": {"mcp": null},
            "allowances": {"event": {"tokens_total": 7, "usd_total": 12.5}}, "contact": {"email": null},
        });
        assert_eq!(fields, wanted);
    }
}
