//! Estimates what an event needs and costs. The assumptions are printed with the result.

use clap::Args;
use lanyard_doctor::{REQUESTS_PER_MINUTE, SECONDS_PER_REQUEST, grouped};
use lanyard_domain::operation::Operation;
use serde_json::{Value, json};

use crate::cost::{Shape, prices};

/// The assumptions of the estimate.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Assumptions of the estimate")]
pub(super) struct Assumptions {
    /// Total requests per attendee.
    #[arg(long, default_value_t = 200, value_name = "REQUESTS")]
    requests_each: u64,

    /// Input tokens per request.
    #[arg(long, default_value_t = 500, value_name = "TOKENS")]
    prompt_tokens: u64,

    /// Output tokens per request.
    #[arg(long, default_value_t = 500, value_name = "TOKENS")]
    completion_tokens: u64,

    /// Azure's prices in USD per million input and output tokens, for example 0.15,0.60. Default:
    /// the prices of the most expensive deployment.
    #[arg(long, value_name = "PROMPT,COMPLETION", value_parser = prices)]
    prices: Option<(f64, f64)>,

    /// Lambda concurrency limit of the AWS account. Default: the profile's. Without one,
    /// concurrency is not checked.
    #[arg(long, value_name = "ENVIRONMENTS")]
    concurrency: Option<u64>,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            requests_each: 200,
            prompt_tokens: 500,
            completion_tokens: 500,
            prices: None,
            concurrency: None,
        }
    }
}

impl Assumptions {
    /// The Lambda concurrency, if it is known.
    pub(super) fn known(&self) -> Option<u64> {
        self.concurrency
    }

    /// The same, with the profile's concurrency if none was given.
    pub(super) fn concurrency_or(&self, profiles: Option<u64>) -> Self {
        Self { concurrency: self.concurrency.or(profiles), ..self.clone() }
    }
}

/// The result of the estimate.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Estimate {
    tokens_needed: u64,
    /// The sum of the deployments that have a limit.
    tokens_granted: Option<u64>,
    /// The number of offered deployments for text.
    deployments: usize,
    without_limit: usize,
    environments_needed: u64,
    environments: Option<u64>,
    aws_usd: f64,
    azure_usd: Option<f64>,
    basis: String,
}

impl Estimate {
    /// Estimates an event with the organiser's deployments.
    pub(super) fn of(event: &Value, deployments: &[Value], assumptions: &Assumptions) -> Self {
        let attendees = event["attendees"].as_u64().unwrap_or(100);
        let offered: Vec<_> = deployments.iter().filter(|one| is_offered(event, one)).collect();
        let for_text: Vec<_> = offered.iter().filter(|one| generates_text(one)).collect();
        let granted: Vec<u64> =
            for_text.iter().filter_map(|one| one["tokens_per_minute"].as_u64()).collect();
        let each = assumptions.prompt_tokens.saturating_add(assumptions.completion_tokens);
        let requests = attendees.saturating_mul(assumptions.requests_each);
        let prices = assumptions.prices.or_else(|| most_expensive(&offered));
        let million = |tokens: u64, price: f64| dollars(requests, tokens) * price / 1_000_000.0;
        Self {
            tokens_needed: attendees.saturating_mul(REQUESTS_PER_MINUTE).saturating_mul(each),
            tokens_granted: granted.iter().copied().reduce(u64::saturating_add),
            deployments: for_text.len(),
            without_limit: for_text.len() - granted.len(),
            environments_needed: attendees
                .saturating_mul(REQUESTS_PER_MINUTE * SECONDS_PER_REQUEST)
                .div_ceil(60),
            environments: assumptions.concurrency,
            aws_usd: Shape::USUAL.aws_usd(requests),
            azure_usd: prices.map(|(prompt, completion)| {
                million(assumptions.prompt_tokens, prompt)
                    + million(assumptions.completion_tokens, completion)
            }),
            basis: format!(
                "{} attendees × {} requests of {} + {} tokens",
                grouped(attendees),
                assumptions.requests_each,
                assumptions.prompt_tokens,
                assumptions.completion_tokens
            ),
        }
    }

    /// What an organiser should fix before the event.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.tokens_granted {
            _ if self.deployments == 0 => warnings.push(
                "The event has no deployment for text. Add one with `lanyard deployment add`."
                    .to_owned(),
            ),
            Some(granted) if granted < self.tokens_needed && self.without_limit == 0 => {
                warnings.push(format!(
                    "Not enough Azure quota: {} tokens/min needed at peak, {} available. Request \
                     more quota, or add a deployment or a replica.",
                    grouped(self.tokens_needed),
                    grouped(granted)
                ));
            }
            Some(_) | None => {}
        }
        if let Some(environments) = self.environments.filter(|has| *has < self.environments_needed)
        {
            warnings.push(format!(
                "Not enough Lambda concurrency: {} needed at peak, {} available. Request an \
                 increase from AWS some days before the event.",
                grouped(self.environments_needed),
                grouped(environments)
            ));
        }
        warnings
    }

    /// The estimate as lines of text.
    pub(super) fn summary(&self) -> Vec<(&'static str, String)> {
        let granted = match self.tokens_granted {
            Some(granted) => {
                format!("{} available from {}", grouped(granted), self.deployments_in_words())
            }
            None => format!("limits of {} unknown", self.deployments_in_words()),
        };
        let of_lambda = match self.environments {
            Some(environments) => format!("account limit {}", grouped(environments)),
            None => "account limit unknown (set --concurrency)".to_owned(),
        };
        let azure = match self.azure_usd {
            Some(usd) => format!("{usd:.2} USD for Azure"),
            None => "Azure cost unknown (set --prices)".to_owned(),
        };
        vec![
            ("tokens", format!("{}/min needed at peak, {granted}", grouped(self.tokens_needed))),
            (
                "concurrency",
                format!(
                    "Lambda: {} needed at peak, {of_lambda}",
                    grouped(self.environments_needed)
                ),
            ),
            ("cost", format!("about {:.2} USD for AWS, {azure}", self.aws_usd)),
            ("estimate", format!("{}, {REQUESTS_PER_MINUTE}/min at peak", self.basis)),
        ]
    }

    fn deployments_in_words(&self) -> String {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let all = format!("{} deployment{}", self.deployments, plural(self.deployments));
        match self.without_limit {
            0 => all,
            without_limit => format!("{all} ({without_limit} without a limit)"),
        }
    }

    /// The estimate as JSON.
    pub(super) fn json(&self) -> Value {
        json!({
            "tokens_per_minute": {"needed": self.tokens_needed, "granted": self.tokens_granted},
            "environments": {"needed": self.environments_needed, "available": self.environments},
            "cost_usd": {"aws": cents(self.aws_usd), "azure": self.azure_usd.map(cents)},
            "basis": self.basis,
        })
    }
}

/// More digits would have no meaning.
fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "an estimate in dollars, far below 2^53")]
fn dollars(count: u64, each: u64) -> f64 {
    count.saturating_mul(each) as f64
}

fn is_offered(event: &Value, deployment: &Value) -> bool {
    let is_named =
        event["deployments"].as_array().is_none_or(|names| names.contains(&deployment["name"]));
    is_named && deployment["weight"].as_u64() != Some(0)
}

/// Whether a deployment generates text. The estimate counts only such tokens.
fn generates_text(deployment: &Value) -> bool {
    let names = deployment["operations"].as_array().into_iter().flatten();
    let names = names.filter_map(|name| name.as_str()?.parse::<Operation>().ok());
    names.into_iter().any(|operation| {
        matches!(
            operation,
            Operation::ChatCompletions | Operation::Completions | Operation::Responses
        )
    })
}

/// The prices of the most expensive deployment.
fn most_expensive(offered: &[&Value]) -> Option<(f64, f64)> {
    let prices = offered.iter().filter_map(|one| {
        let prices = one.get("prices").filter(|prices| prices.is_object())?;
        Some((prices["prompt"].as_f64()?, prices["completion"].as_f64().unwrap_or_default()))
    });
    prices.max_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Value {
        json!({"attendees": 100, "deployments": ["a", "b"]})
    }

    fn deployment(name: &str, tokens: Option<u64>) -> Value {
        json!({
            "name": name, "weight": 1, "tokens_per_minute": tokens,
            "operations": ["chat_completions", "responses"],
        })
    }

    #[test]
    fn a_hundred_attendees_need_four_requests_each_in_a_busy_minute() {
        let deployments = [deployment("a", Some(300_000)), deployment("c", Some(1_000_000))];
        let estimate = Estimate::of(&event(), &deployments, &Assumptions::default());
        assert_eq!(estimate.tokens_needed, 400_000);
        assert_eq!(estimate.tokens_granted, Some(300_000));
        assert!(estimate.warnings()[0].starts_with("Not enough Azure quota: 400,000 tokens/min"));
    }

    #[test]
    fn an_unknown_quota_gives_no_warning() {
        let deployments = [deployment("a", Some(1)), deployment("b", None)];
        let estimate = Estimate::of(&event(), &deployments, &Assumptions::default());
        assert!(estimate.warnings().is_empty());
        assert!(estimate.deployments_in_words().ends_with("2 deployments (1 without a limit)"));
    }

    #[test]
    fn an_image_deployment_adds_no_text_quota() {
        let mut images = deployment("b", Some(1_000_000));
        images["operations"] = json!(["images_generations"]);
        let all = [deployment("a", Some(300_000)), images];
        let estimate = Estimate::of(&event(), &all, &Assumptions::default());
        assert_eq!((estimate.deployments, estimate.tokens_granted), (1, Some(300_000)));
    }

    #[test]
    fn too_few_environments_are_a_warning_only_where_their_number_is_known() {
        let deployments = [deployment("a", Some(1_000_000))];
        let assumptions = |concurrency| Assumptions { concurrency, ..Assumptions::default() };
        let warnings = |concurrency| {
            Estimate::of(&event(), &deployments, &assumptions(concurrency)).warnings().len()
        };
        assert_eq!([warnings(None), warnings(Some(67)), warnings(Some(66))], [0, 0, 1]);
    }

    #[test]
    fn an_event_costs_on_aws_what_the_calculator_says() {
        let estimate = Estimate::of(&event(), &[], &Assumptions::default());
        assert_eq!(estimate.json()["cost_usd"], json!({"aws": 1.77, "azure": null}));
    }

    #[test]
    fn azure_cost_uses_the_most_expensive_deployment() {
        let mut dear = deployment("a", None);
        dear["prices"] = json!({"prompt": 2.5, "completion": 10.0});
        let mut cheap = deployment("b", None);
        cheap["prices"] = json!({"prompt": 0.15, "completion": 0.6});
        let estimate = Estimate::of(&event(), &[dear, cheap], &Assumptions::default());
        // 20,000 requests of 500 tokens are 10 million each way.
        assert_eq!(estimate.json()["cost_usd"]["azure"], 125.0);
    }
}
