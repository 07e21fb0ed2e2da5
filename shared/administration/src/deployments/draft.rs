//! A deployment as a body describes it.

use lanyard_domain::catalog::{AzureApi, CompletionField, Deployment, Prices};
use lanyard_domain::credential::{AzureKey, Credential, FOUNDRY};
use lanyard_domain::ids::{DeploymentName, OrganiserId, Replica};
use lanyard_domain::models::FactOverrides;
use lanyard_domain::operation::Operation;
use serde_json::{Map, Value, json};

use super::credential::{self, Chosen};
use super::endpoint;
use crate::error::AdminError;
use crate::form::{Form, Given, Mistakes};
use crate::read::{self, Reader, reader, reads};

/// Micro-dollars in a dollar, the unit of prices in the catalog.
const MICRO_DIGITS: usize = 6;
/// Nano-dollars in a dollar, for the prices of units.
const NANO_DIGITS: usize = 9;
/// The most dollars for one image, second or character.
const DEAREST_UNIT: f64 = 1_000.0;
/// The most dollars for a million tokens.
const DEAREST: f64 = 1_000_000.0;

/// A deployment to be written, and its key if the body holds one.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) deployment: Deployment,
    pub(crate) key: Option<AzureKey>,
}

/// Facts from outside of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'b> {
    /// The deployment until now, if it is there already.
    pub(crate) before: Option<&'b Deployment>,
    /// Whether it may be on this machine.
    pub(crate) allow_loopback: bool,
}

/// The replica of a body, or the default.
const USUAL_REPLICA: &str = "main";

/// Reads which replica a text names; none is the usual one.
pub(crate) fn replica(text: Option<&str>) -> Result<Replica, String> {
    let replica = text.unwrap_or(USUAL_REPLICA).parse();
    replica.map_err(|fault: lanyard_domain::ids::InvalidId| fault.to_string())
}

/// Refuses a new name that differs from another one only in the case of its letters. Requests name
/// models in any case. Of two such names that are stored already, each is found by its own spelling,
/// and by any other the one that is first in the order of bytes.
///
/// # Errors
///
/// 400 with the name to use.
pub(crate) fn expect_distinct(name: &str, existing: &[Deployment]) -> Result<(), AdminError> {
    let same = existing.iter().map(|one| &one.name).filter(|one| one.eq_ignore_case(name));
    let same: Vec<_> = same.collect();
    match same.first() {
        Some(known) if !same.iter().any(|one| one.as_str() == name) => Err(AdminError::field(
            "name",
            format!(
                "differs only in case from {known}, which is there, and models are found in any \
                 case: use {known}, or another name"
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

/// The complete deployment that a body describes. Absent fields get their defaults.
///
/// # Errors
///
/// 400 with every mistake.
pub(crate) fn described(
    name: &str,
    body: &Map<String, Value>,
    organiser: &OrganiserId,
    terms: Terms<'_>,
) -> Result<Described, AdminError> {
    let mistakes = Mistakes::default();
    let name = match name.parse::<DeploymentName>() {
        Ok(name) => Some(name),
        Err(fault) => {
            mistakes.add("name", fault.to_string());
            None
        }
    };
    let form = Form::new(body, &mistakes);
    let replica = form.field("replica", named_replica());
    let endpoint = form.required("endpoint", endpoint::field(terms.allow_loopback));
    let azure_name = form.field("azure_name", read::parsed()).value().or_else(|| name.clone());
    let model = form.field("model", read::parsed::<DeploymentName>()).value();
    let overrides = FactOverrides {
        context: form.field("context_window", tokens()).value(),
        max_output: form.field("max_output_tokens", tokens()).value(),
        reasons: form.field("reasoning", read::yes_or_no()).value(),
    };
    let operations = form.required("operations", operations());
    if let (Some(endpoint), Some(operations)) = (&endpoint, &operations)
        && operations.contains(&Operation::Messages)
        && !endpoint::serves_messages(endpoint)
    {
        let host = format!("must be https://RESOURCE{FOUNDRY} for messages");
        form.mistake("endpoint", &host);
    }
    let api = api(&form);
    let weight = form.field("weight", read::whole(0..=1_000));
    let requests_per_minute = form.field("requests_per_minute", quota()).value();
    let tokens_per_minute = form.field("tokens_per_minute", quota()).value();
    let completion_field = form.field(
        "completion_field",
        read::one_of(&[
            ("max_tokens", CompletionField::MaxTokens),
            ("max_completion_tokens", CompletionField::MaxCompletionTokens),
        ]),
    );
    let prices = prices(&form);
    let chosen = credential::read(&form, terms.before, endpoint.as_deref());
    form.close();
    let described = (|| {
        let (name, azure_name) = (name?, azure_name?);
        let replica = match replica {
            Given::Value(replica) => replica,
            Given::Absent | Given::Null | Given::Wrong => USUAL_REPLICA.parse().ok()?,
        };
        let (credential, key) = match chosen? {
            Chosen::Key(key) => {
                (Credential::Key(key_reference(organiser, &name, &replica)), Some(key))
            }
            Chosen::Identity(identity) => (Credential::Identity(identity), None),
            Chosen::Kept(credential) => (credential, None),
        };
        let mut deployment = Deployment {
            name,
            replica,
            endpoint: endpoint?,
            azure_name,
            model: model.map(|model| model.as_str().to_ascii_lowercase()),
            overrides,
            operations: operations?,
            api: api?,
            weight: u32::try_from(weight.or(1, 1)).ok()?,
            requests_per_minute,
            tokens_per_minute,
            completion_field: CompletionField::MaxTokens,
            prices,
            credential,
        };
        let usual_field = deployment.facts().cap;
        deployment.completion_field = completion_field.or(usual_field, usual_field);
        Some(Described { deployment, key })
    })();
    mistakes.unless_any(described)
}

/// Where the key of a deployment is kept, if it has one.
pub(super) fn key_reference(
    organiser: &OrganiserId,
    name: &DeploymentName,
    replica: &Replica,
) -> String {
    format!("{organiser}/{name}/{replica}")
}

fn named_replica() -> reads!(Replica) {
    let schema = || {
        let names = "One of several deployments of this name, `main` by default.";
        json!({"type": "string", "maxLength": 32, "description": names})
    };
    reader(schema, |value| replica(Some(value.as_str().ok_or("must be text")?)))
}

fn operations() -> reads!(Vec<Operation>) {
    read::list()
        .or_else(|fault| format!("{fault}; the operations are: {}", read::operation_names()))
}

fn quota() -> reads!(u64) {
    read::whole(1..=read::MOST_UNITS)
}

#[derive(Clone, Copy)]
enum Style {
    V1,
    Classic,
}

/// The form of Azure's API; the classic one needs its version, the new one has none.
fn api(form: &Form<'_>) -> Option<AzureApi> {
    let api = form.field("api", read::one_of(&[("v1", Style::V1), ("classic", Style::Classic)]));
    let version = form.field("api_version", api_version());
    if matches!(api, Given::Wrong) || matches!(version, Given::Wrong) {
        return None;
    }
    match (api.or(Style::V1, Style::V1), version.value()) {
        (Style::V1, None) => Some(AzureApi::V1),
        (Style::Classic, Some(version)) => Some(AzureApi::Classic(version)),
        (Style::V1, Some(_)) => {
            form.mistake("api_version", "goes only with \"api\": \"classic\"");
            None
        }
        (Style::Classic, None) => {
            form.mistake("api_version", "is required with \"api\": \"classic\"");
            None
        }
    }
}

/// A size in tokens.
fn tokens() -> reads!(u64) {
    read::whole(1..=100_000_000)
}

fn api_version() -> reads!(String) {
    let schema = || {
        let which = "Only with the classic API, such as `2024-10-21`.";
        json!({"type": "string", "description": which})
    };
    reader(schema, read_api_version)
}

fn read_api_version(value: &Value) -> Result<String, String> {
    let is_version = |text: &&str| {
        let date = text.strip_suffix("-preview").unwrap_or(text);
        date.len() == 10 && chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok()
    };
    let text = value.as_str().filter(is_version).map(ToOwned::to_owned);
    text.ok_or_else(|| "must be a date such as 2024-10-21 or 2024-10-01-preview".to_owned())
}

/// Prices per million tokens, and of one image, second or character. Completions are free unless the
/// body has a price, and so are prompts where a unit has one.
fn prices(form: &Form<'_>) -> Option<Prices> {
    let prices = form.form("prices").value()?;
    let named = Prices {
        prompt: 0,
        completion: prices.field("completion", price()).or(0, 0),
        cached_prompt: prices.field("cached_prompt", price()).value(),
        cache_write: prices.field("cache_write", price()).value(),
        image: prices.field("image", unit_price()).value(),
        audio_second: prices.field("audio_second", unit_price()).value(),
        character: prices.field("character", unit_price()).value(),
        video_second: prices.field("video_second", unit_price()).value(),
    };
    let prompt = match named.names_a_unit() {
        true => Some(prices.field("prompt", price()).or(0, 0)),
        false => prices.required("prompt", price()),
    };
    prices.close();
    Some(Prices { prompt: prompt?, ..named })
}

fn price() -> reads!(u64) {
    let schema = || {
        let unit = "Dollars per million tokens.";
        json!({"type": "number", "minimum": 0, "maximum": DEAREST, "description": unit})
    };
    reader(schema, micro_dollars)
}

fn micro_dollars(value: &Value) -> Result<u64, String> {
    let fault = || format!("must be dollars per million tokens, a number from 0 to {DEAREST}");
    whole_parts(value, DEAREST, MICRO_DIGITS).ok_or_else(fault)
}

/// The price of one image, second or character, in nano-dollars.
fn unit_price() -> reads!(u64) {
    let schema = || {
        let unit = "Dollars for one, with at most nine decimal places.";
        json!({"type": "number", "minimum": 0, "maximum": DEAREST_UNIT, "description": unit})
    };
    reader(schema, |value| {
        let fault = || format!("must be dollars for one, a number from 0 to {DEAREST_UNIT}");
        whole_parts(value, DEAREST_UNIT, NANO_DIGITS).ok_or_else(fault)
    })
}

/// Dollars in their smallest parts, by so many decimal digits: 0.15 is not a binary fraction.
fn whole_parts(value: &Value, most: f64, digits: usize) -> Option<u64> {
    let dollars = value.as_f64().filter(|dollars| (0.0..=most).contains(dollars))?;
    format!("{dollars:.digits$}").replace('.', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_whole_micro_dollars() {
        for (dollars, micro) in [
            (json!(0), 0),
            (json!(0.15), 150_000),
            (json!(0.6), 600_000),
            (json!(15), 15_000_000),
            (json!(0.000_000_6), 1),
            (json!(1e-9), 0),
            (json!(2.5e1), 25_000_000),
        ] {
            assert_eq!(micro_dollars(&dollars), Ok(micro), "{dollars}");
        }
        for value in [json!(-0.1), json!("0.15"), json!(1e9), json!(null), json!([])] {
            assert!(micro_dollars(&value).is_err(), "{value}");
        }
    }
}
