//! `lanyard deployment add` and `edit`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::{Place, draft_of, without_nulls};
use crate::api::{Method, encoded};
use crate::changes;
use crate::error::CliError;
use crate::output::warnings;
use crate::session::Session;
use crate::table::{number, text, words};

/// A new deployment.
#[derive(Args, Debug)]
pub(crate) struct AddArguments {
    /// Name that attendees use for the model.
    name: String,

    /// Endpoint of the Azure OpenAI resource, for example https://my-resource.openai.azure.com.
    #[arg(long, value_name = "URL")]
    endpoint: String,

    /// Replace a deployment that is there already. Options that are not given get their defaults.
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    fields: Fields,
}

/// What changes in a deployment.
#[derive(Args, Debug)]
pub(crate) struct EditArguments {
    /// Name that attendees use for the model.
    name: String,

    /// Endpoint of the Azure OpenAI resource, with its key. To move while attendees have stored
    /// objects at another one, use `deployment add` with a --replica.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,

    #[command(flatten)]
    fields: Fields,
}

/// `lanyard deployment add`
pub(super) async fn add(session: &Session, arguments: AddArguments) -> Result<(), CliError> {
    let AddArguments { name, endpoint, replace, fields } = arguments;
    let place = fields.owner.place(session).await?;
    let replica = fields.replica.as_deref().unwrap_or("main");
    let mut same_name = place.all(session).await?;
    same_name.retain(|one| text(&one["name"]).eq_ignore_ascii_case(&name));
    // The service refuses names that differ only in case.
    let name = same_name.first().map_or(name, |one| text(&one["name"]));
    let existing = same_name.into_iter().find(|one| one["replica"] == *replica);
    let operations = fields.operations(&name);
    let before = match existing {
        Some(existing) if !replace => {
            return Err(there_already(&existing, &endpoint, &operations, &fields));
        }
        existing => existing,
    };
    let mut body = fields.body(session, Some(&endpoint), None)?;
    body.insert("operations".to_owned(), json!(operations));
    write(session, &place, &name, body, before.as_ref()).await
}

/// `lanyard deployment edit`
pub(super) async fn edit(session: &Session, arguments: EditArguments) -> Result<(), CliError> {
    let EditArguments { name, endpoint, fields } = arguments;
    let place = fields.owner.place(session).await?;
    let before = place.one(session, &name, fields.replica.as_deref()).await?;
    let mut changes = fields.body(session, endpoint.as_deref(), Some(&before))?;
    changes.remove("replica");
    if changes.is_empty() {
        return Err(CliError::Usage(
            "Nothing to change. Give at least one option, such as --tokens-per-minute 1000000"
                .to_owned(),
        ));
    }
    let body = edited(&before, changes);
    write(session, &place, &text(&before["name"]), body, Some(&before)).await
}

/// A deployment with some fields changed. The service replaces all of its settings.
fn edited(before: &Value, changes: Map<String, Value>) -> Map<String, Value> {
    let mut body = draft_of(before);
    // The field of the output limit and the credential follow from what changes.
    if changes.contains_key("model") || changes.contains_key("azure_name") {
        body.remove("completion_field");
    }
    if changes.contains_key("key") {
        body.remove("identity");
    }
    for (name, value) in changes {
        match (body.get_mut(&name), value) {
            // A price that is not named stays.
            (Some(Value::Object(before)), Value::Object(prices)) if name == "prices" => {
                before.extend(prices);
            }
            (_, value) => {
                body.insert(name, value);
            }
        }
    }
    body
}

async fn write(
    session: &Session,
    place: &Place,
    name: &str,
    body: Map<String, Value>,
    before: Option<&Value>,
) -> Result<(), CliError> {
    let body = without_nulls(body);
    let path = place.path(&format!("/{}", encoded(name)));
    let key = body.contains_key("key").then(|| "key: replaced".to_owned());
    let written = session.write(Method::Put, &path, Some(&Value::Object(body))).await;
    let lacks_key = |error: &CliError| {
        let CliError::Rejected { details, .. } = error else { return false };
        details.iter().any(|(field, _)| field == "key")
    };
    if written.as_ref().is_err_and(lacks_key) {
        session.output.say(
            "Give the key with --key-file FILE (- is standard input) or in AZURE_OPENAI_API_KEY, \
             or use --tenant-id and --client-id for an Entra ID identity.",
        );
    }
    written?.map_or(Ok(()), |deployment| {
        session.output.warn(&warnings(&deployment));
        session.output.data(&deployment, |style| {
            let mut lines = vec![
                ("deployment", text(&deployment["name"])),
                ("replica", text(&deployment["replica"])),
                ("endpoint", text(&deployment["endpoint"])),
                ("operations", words(&deployment["operations"])),
                ("tokens/min", number(&deployment["tokens_per_minute"])),
            ];
            let settings = |one: &Value| Value::Object(draft_of(one));
            let changed = before.map(|before| {
                let key = key.into_iter().collect();
                changes::between(&settings(before), &settings(&deployment), key)
            });
            lines.extend(changed.into_iter().flatten().map(|line| ("changed", line)));
            style.pairs(&lines)
        })
    })
}

/// The error for a new deployment whose name and replica are taken: what there is, how to change it,
/// and what would be lost if it were written anew.
fn there_already(
    existing: &Value,
    endpoint: &str,
    operations: &[String],
    fields: &Fields,
) -> CliError {
    let name = text(&existing["name"]);
    let lost = reset_by_replacing(existing, operations, fields);
    let lost = match lost.is_empty() {
        true => String::new(),
        false => format!(" It would lose: {}.", lost.join("; ")),
    };
    let endpoint_option = if existing["endpoint"] == *endpoint { "" } else { " --endpoint URL" };
    CliError::Failed(format!(
        "{name}, replica {}, exists already, at {}. Nothing was changed. To change it, use \
         `lanyard deployment edit {name}{endpoint_option} …`; to add another replica, --replica NAME; to write \
         it anew, --replace.{lost}",
        text(&existing["replica"]),
        text(&existing["endpoint"]),
    ))
}

/// The settings of a deployment that a new one without them would not have.
fn reset_by_replacing(existing: &Value, operations: &[String], fields: &Fields) -> Vec<String> {
    let given = fields.settings();
    let is_default = |name: &str, value: &Value| match name {
        // Facts of the model, or set in any case.
        "replica" | "endpoint" | "operations" | "api" | "completion_field" => true,
        "azure_name" => *value == existing["name"],
        "weight" => *value == 1,
        _ => false,
    };
    let kept: Vec<_> = existing["operations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .filter(|operation| !operations.contains(operation))
        .collect();
    let operations = (!kept.is_empty()).then(|| format!("operations {}", kept.join(", ")));
    let settings = draft_of(existing)
        .into_iter()
        .filter(|(name, value)| !is_default(name, value) && !given.contains_key(name));
    operations.into_iter().chain(settings.map(|(name, value)| format!("{name} {value}"))).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        fields: Fields,
    }

    fn existing() -> Value {
        json!({
            "name": "smart", "replica": "main", "endpoint": "https://a.openai.azure.com",
            "azure_name": "gpt-5-mini", "model": null, "operations": ["chat_completions", "responses"],
            "api": "v1", "weight": 1, "requests_per_minute": null, "tokens_per_minute": 1_000,
            "completion_field": "max_completion_tokens", "identity": null,
            "prices": {"prompt": 0.25, "completion": 2.0}, "facts": {"reasoning": true},
            "warnings": ["w"],
        })
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_edit_keeps_what_it_does_not_name() {
        let prices = json!({"cached_prompt": 0.03, "prompt": 0.3});
        let changes = object(json!({"weight": 0, "prices": prices, "model": "gpt-5"}));
        let expected = json!({
            "replica": "main", "endpoint": "https://a.openai.azure.com", "azure_name": "gpt-5-mini",
            "model": "gpt-5", "operations": ["chat_completions", "responses"], "api": "v1",
            "weight": 0, "tokens_per_minute": 1_000,
            "prices": {"prompt": 0.3, "completion": 2.0, "cached_prompt": 0.03},
        });
        assert_eq!(Value::Object(edited(&existing(), changes)), expected);
    }

    #[test]
    fn an_edit_takes_away_what_is_none_and_may_name_one_price() {
        let written = |options: &[&str]| {
            let fields = Line::parse_from([&[""], options].concat()).fields;
            without_nulls(edited(&existing(), fields.settings()))
        };
        let cached = written(&["--cached-prompt-price", "0.03", "--tokens-per-minute", "none"]);
        let expected = json!({"prompt": 0.25, "completion": 2.0, "cached_prompt": 0.03});
        assert_eq!(cached["prices"], expected);
        assert!(!cached.contains_key("tokens_per_minute"));
        assert_eq!(written(&["--completion-price", "none"])["prices"], json!({"prompt": 0.25}));
        let listed = written(&["--prompt-price", "none", "--classic", "none"]);
        assert!(!listed.contains_key("prices") && !listed.contains_key("api_version"));
        assert_eq!(listed["api"], "v1");
    }

    #[test]
    fn a_key_takes_the_place_of_an_identity() {
        let mut before = existing();
        before["identity"] = json!({"tenant_id": "t", "client_id": "c"});
        let kept = edited(&before, object(json!({"weight": 2})));
        assert_eq!(kept["identity"]["tenant_id"], "t");
        let keyed = edited(&before, object(json!({"key": "k"})));
        assert!(!keyed.contains_key("identity") && keyed["key"] == "k");
    }

    #[test]
    fn a_name_that_is_taken_is_refused_with_what_would_be_lost() {
        let fields = Line::parse_from(["", "--tokens-per-minute", "5"]).fields;
        let error = there_already(
            &existing(),
            "https://b.openai.azure.com",
            &["chat_completions".to_owned()],
            &fields,
        );
        let error = error.to_string();
        assert!(error.contains("`lanyard deployment edit smart --endpoint URL …`"), "{error}");
        let lost = "It would lose: operations responses; azure_name \"gpt-5-mini\"; prices {";
        assert!(error.contains(lost) && !error.contains("tokens_per_minute"), "{error}");
    }
}
