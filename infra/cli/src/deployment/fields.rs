//! The options that describe a deployment.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use lanyard_doctor::Secret;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::operation::Operation;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Owner;
use crate::error::CliError;
use crate::session::Session;

/// The value of an option, or `none`, with which the deployment has none of its own.
#[derive(Clone, Copy, Debug, Serialize)]
struct Setting<T>(Option<T>);

impl<T: FromStr> FromStr for Setting<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

/// The options of a deployment. `none` takes away a fact of the model, a price or a limit of Azure.
#[derive(Args, Debug)]
pub(crate) struct Fields {
    /// Operations, separated by commas: chat_completions, responses, embeddings, … Default of a new
    /// deployment: those that the model is known to serve, or chat_completions.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    operations: Vec<String>,

    /// File with the resource's key; - is standard input. Default: the key that is already stored, or
    /// AZURE_OPENAI_API_KEY for an endpoint.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Key of the resource, from the environment only.
    #[arg(long = "azure-key", env = "AZURE_OPENAI_API_KEY", hide = true, hide_env_values = true)]
    key: Option<Secret>,

    /// Entra ID tenant of an identity that is used in place of a key.
    #[arg(long, requires = "client_id", conflicts_with = "key_file", value_name = "TENANT")]
    tenant_id: Option<String>,

    /// Client id of that identity.
    #[arg(long, requires = "tenant_id", value_name = "CLIENT")]
    client_id: Option<String>,

    /// Deployment name at Azure. Default: the same name.
    #[arg(long, value_name = "NAME")]
    azure_name: Option<String>,

    /// Model that it serves, for example gpt-5-mini. Default: the deployment name at Azure.
    #[arg(long, value_name = "MODEL")]
    model: Option<Setting<String>>,

    /// Tokens of prompt and output together, if the model is not known or has another limit.
    #[arg(long, value_name = "TOKENS")]
    context_window: Option<Setting<u64>>,

    /// Max output tokens of the model, if it is not known or has another limit.
    #[arg(long, value_name = "TOKENS")]
    max_output_tokens: Option<Setting<u64>>,

    /// Whether the model reasons, if it is not known.
    #[arg(long, value_name = "true|false")]
    reasoning: Option<Setting<bool>>,

    /// Replica, if several deployments have this name.
    #[arg(long, value_name = "REPLICA")]
    pub(super) replica: Option<String>,

    /// Share of the load among replicas. 0 takes it out of use.
    #[arg(long, value_name = "NUMBER")]
    weight: Option<u64>,

    /// Azure's limit in tokens per minute.
    #[arg(long, value_name = "TOKENS")]
    tokens_per_minute: Option<Setting<u64>>,

    /// Azure's limit in requests per minute.
    #[arg(long, value_name = "REQUESTS")]
    requests_per_minute: Option<Setting<u64>>,

    /// Price in USD per million input tokens. With none, the list prices apply.
    #[arg(long, value_name = "USD")]
    prompt_price: Option<Setting<f64>>,

    /// Price in USD per million output tokens.
    #[arg(long, value_name = "USD")]
    completion_price: Option<Setting<f64>>,

    #[command(flatten)]
    other_prices: OtherPrices,

    /// Version of Azure's classic API, for example 2024-10-21. Default, or with none: the v1 API.
    #[arg(long, value_name = "VERSION")]
    classic: Option<Setting<String>>,

    #[command(flatten)]
    pub(super) owner: Owner,
}

/// Prices beside those of input and output tokens.
#[derive(Args, Clone, Copy, Debug)]
struct OtherPrices {
    /// Price in USD per million input tokens that are read from the cache.
    #[arg(long, value_name = "USD")]
    cached_prompt_price: Option<Setting<f64>>,

    /// Price in USD per million input tokens that are written to the cache.
    #[arg(long, value_name = "USD")]
    cache_write_price: Option<Setting<f64>>,

    /// Price in USD of an image.
    #[arg(long, value_name = "USD")]
    image_price: Option<Setting<f64>>,

    /// Price in USD of a second of audio.
    #[arg(long, value_name = "USD")]
    audio_second_price: Option<Setting<f64>>,

    /// Price in USD of a character of text-to-speech.
    #[arg(long, value_name = "USD")]
    character_price: Option<Setting<f64>>,

    /// Price in USD of a second of video.
    #[arg(long, value_name = "USD")]
    video_second_price: Option<Setting<f64>>,
}

impl OtherPrices {
    /// The prices that are given, by their names in the API.
    fn each(self) -> impl Iterator<Item = (&'static str, Setting<f64>)> {
        let all = [
            ("cached_prompt", self.cached_prompt_price),
            ("cache_write", self.cache_write_price),
            ("image", self.image_price),
            ("audio_second", self.audio_second_price),
            ("character", self.character_price),
            ("video_second", self.video_second_price),
        ];
        all.into_iter().filter_map(|(kind, price)| Some((kind, price?)))
    }
}

impl Fields {
    /// The fields of a body that are given. The key in the environment is used only where an endpoint
    /// is given: else it may be that of another resource. An Entra ID identity of the deployment as it
    /// was `before` stays: it needs no key for a new endpoint.
    pub(super) fn body(
        &self,
        session: &Session,
        endpoint: Option<&str>,
        before: Option<&Value>,
    ) -> Result<Map<String, Value>, CliError> {
        let mut body = self.settings();
        add(&mut body, "endpoint", endpoint.as_ref());
        let has_identity =
            self.tenant_id.is_some() || before.is_some_and(|before| !before["identity"].is_null());
        let key = match (&self.key_file, &self.key) {
            (Some(file), _) => Some(key_in(file)?),
            (None, Some(key)) if endpoint.is_some() && !has_identity => {
                session.output.say("Using the key in AZURE_OPENAI_API_KEY.");
                Some(key.clone())
            }
            (None, _) => None,
        };
        add(&mut body, "key", key.as_ref().map(Secret::reveal).as_ref());
        Ok(body)
    }

    /// The same without the endpoint and the key. What is `none` is null.
    pub(super) fn settings(&self) -> Map<String, Value> {
        let mut body = Map::new();
        let operations = Some(&self.operations).filter(|names| !names.is_empty());
        add(&mut body, "operations", operations);
        add(&mut body, "azure_name", self.azure_name.as_ref());
        add(&mut body, "model", self.model.as_ref());
        add(&mut body, "context_window", self.context_window.as_ref());
        add(&mut body, "max_output_tokens", self.max_output_tokens.as_ref());
        add(&mut body, "reasoning", self.reasoning.as_ref());
        add(&mut body, "replica", self.replica.as_ref());
        add(&mut body, "weight", self.weight.as_ref());
        add(&mut body, "tokens_per_minute", self.tokens_per_minute.as_ref());
        add(&mut body, "requests_per_minute", self.requests_per_minute.as_ref());
        add(&mut body, "prices", self.prices().as_ref());
        if let Some(version) = &self.classic {
            let api = if version.0.is_some() { "classic" } else { "v1" };
            add(&mut body, "api", Some(&api));
            add(&mut body, "api_version", Some(version));
        }
        if let (Some(tenant), Some(client)) = (&self.tenant_id, &self.client_id) {
            let identity = json!({"tenant_id": tenant, "client_id": client});
            add(&mut body, "identity", Some(&identity));
        }
        body
    }

    /// The prices that are given. Null without a price of input tokens: then the list prices apply.
    fn prices(&self) -> Option<Value> {
        if matches!(self.prompt_price, Some(Setting(None))) {
            return Some(Value::Null);
        }
        let of_tokens = [("prompt", self.prompt_price), ("completion", self.completion_price)];
        let of_tokens = of_tokens.into_iter().filter_map(|(kind, price)| Some((kind, price?)));
        let mut prices = Map::new();
        for (kind, price) in of_tokens.chain(self.other_prices.each()) {
            add(&mut prices, kind, Some(&price));
        }
        (!prices.is_empty()).then_some(Value::Object(prices))
    }

    /// The operations of a new deployment: those that are given, or those of the model as far as they
    /// are known.
    pub(super) fn operations(&self, name: &str) -> Vec<String> {
        if !self.operations.is_empty() {
            return self.operations.clone();
        }
        let of_azure = self.azure_name.as_deref();
        let known = match &self.model {
            Some(Setting(Some(model))) => ModelFacts::of(model),
            Some(Setting(None)) | None => {
                of_azure.and_then(ModelFacts::of).or_else(|| ModelFacts::of(name))
            }
        };
        match known.map(|facts| facts.operations) {
            None | Some([]) => vec![Operation::ChatCompletions.to_string()],
            Some(known) => known.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Adds a field that is given.
fn add(body: &mut Map<String, Value>, field: &str, value: Option<&impl Serialize>) {
    body.extend(value.map(|value| (field.to_owned(), json!(value))));
}

fn key_in(file: &Path) -> Result<Secret, CliError> {
    let cannot = |error| CliError::failed(format_args!("{} cannot be read", file.display()), error);
    let mut text = String::new();
    match file == Path::new("-") {
        true => {
            std::io::stdin().read_to_string(&mut text).map_err(cannot)?;
        }
        false => text = std::fs::read_to_string(file).map_err(cannot)?,
    }
    let Ok(key) = text.parse();
    Ok(key)
}
