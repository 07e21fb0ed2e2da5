//! What an event needs, and what it costs: by assumptions that are named beside the result.

use clap::Args;
use lanyard_doctor::{REQUESTS_PER_MINUTE, SECONDS_PER_REQUEST, grouped};
use lanyard_domain::operation::Operation;
use serde_json::{Value, json};

/// What Lanyard itself costs on AWS for a streamed response, in dollars: the table of `docs/cost.md`,
/// list prices of us-east-1.
const AWS_PER_REQUEST: f64 = 0.0889 / 1_000.0;

/// The assumptions of the estimate.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Assumptions of the estimate")]
pub(super) struct Crowd {
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

impl Default for Crowd {
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

impl Crowd {
    /// The same, with a profile's number of environments where none was given.
    pub(super) fn concurrency_or(&self, profiles: Option<u64>) -> Self {
        Self { concurrency: self.concurrency.or(profiles), ..self.clone() }
    }
}

fn prices(text: &str) -> Result<(f64, f64), String> {
    let is_price = |price: &f64| price.is_finite() && *price >= 0.0;
    let price = |text: &str| text.trim().parse().ok().filter(is_price);
    let pair = text.split_once(',').and_then(|(p, c)| Some((price(p)?, price(c)?)));
    pair.ok_or_else(|| "must be two prices in USD, for example 0.15,0.60".to_owned())
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assessment {
    tokens_needed: u64,
    /// By those of the deployments below that say so.
    tokens_granted: Option<u64>,
    /// How many of those that the event offers answer prompts.
    deployments: usize,
    silent: usize,
    environments_needed: u64,
    environments: Option<u64>,
    aws_usd: f64,
    azure_usd: Option<f64>,
    basis: String,
}

impl Assessment {
    /// Judges an event by what its organiser has.
    pub(super) fn of(event: &Value, deployments: &[Value], crowd: &Crowd) -> Self {
        let attendees = event["attendees"].as_u64().unwrap_or(100);
        let offered: Vec<_> = deployments.iter().filter(|one| is_offered(event, one)).collect();
        let talking: Vec<_> = offered.iter().filter(|one| talks(one)).collect();
        let granted: Vec<u64> =
            talking.iter().filter_map(|one| one["tokens_per_minute"].as_u64()).collect();
        let each = crowd.prompt_tokens.saturating_add(crowd.completion_tokens);
        let requests = attendees.saturating_mul(crowd.requests_each);
        let prices = crowd.prices.or_else(|| dearest(&offered));
        let million = |tokens: u64, price: f64| dollars(requests, tokens) * price / 1_000_000.0;
        Self {
            tokens_needed: attendees.saturating_mul(REQUESTS_PER_MINUTE).saturating_mul(each),
            tokens_granted: granted.iter().copied().reduce(u64::saturating_add),
            deployments: talking.len(),
            silent: talking.len() - granted.len(),
            environments_needed: attendees
                .saturating_mul(REQUESTS_PER_MINUTE * SECONDS_PER_REQUEST)
                .div_ceil(60),
            environments: crowd.concurrency,
            aws_usd: dollars(requests, 1) * AWS_PER_REQUEST,
            azure_usd: prices.map(|(prompt, completion)| {
                million(crowd.prompt_tokens, prompt) + million(crowd.completion_tokens, completion)
            }),
            basis: format!(
                "{} attendees × {} requests of {} + {} tokens",
                grouped(attendees),
                crowd.requests_each,
                crowd.prompt_tokens,
                crowd.completion_tokens
            ),
        }
    }

    /// What an organiser should mend before the event.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.tokens_granted {
            _ if self.deployments == 0 => warnings.push(
                "The event has no deployment for text. Add one with `lanyard deployment add`."
                    .to_owned(),
            ),
            Some(granted) if granted < self.tokens_needed && self.silent == 0 => {
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

    /// The lines that people read.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let granted = match self.tokens_granted {
            Some(granted) => format!("{} available from {}", grouped(granted), self.granters()),
            None => format!("limits of {} unknown", self.granters()),
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

    fn granters(&self) -> String {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let all = format!("{} deployment{}", self.deployments, plural(self.deployments));
        match self.silent {
            0 => all,
            silent => format!("{all} ({silent} without a limit)"),
        }
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "tokens_per_minute": {"needed": self.tokens_needed, "granted": self.tokens_granted},
            "environments": {"needed": self.environments_needed, "available": self.environments},
            "cost_usd": {"aws": cents(self.aws_usd), "azure": self.azure_usd.map(cents)},
            "basis": self.basis,
        })
    }
}

/// The rest of an answer would be digits that mean nothing.
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

/// Whether a deployment answers prompts, which is what the crowd's tokens are taken to be for.
fn talks(deployment: &Value) -> bool {
    let names = deployment["operations"].as_array().into_iter().flatten();
    let names = names.filter_map(|name| name.as_str()?.parse::<Operation>().ok());
    names.into_iter().any(|operation| {
        matches!(
            operation,
            Operation::ChatCompletions | Operation::Completions | Operation::Responses
        )
    })
}

/// The prices of the dearest deployment that has any.
fn dearest(offered: &[&Value]) -> Option<(f64, f64)> {
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
        let assessment = Assessment::of(&event(), &deployments, &Crowd::default());
        assert_eq!(assessment.tokens_needed, 400_000);
        assert_eq!(assessment.tokens_granted, Some(300_000));
        assert!(assessment.warnings()[0].starts_with("Not enough Azure quota: 400,000 tokens/min"));
    }

    #[test]
    fn quota_that_a_deployment_does_not_tell_is_not_judged() {
        let deployments = [deployment("a", Some(1)), deployment("b", None)];
        let assessment = Assessment::of(&event(), &deployments, &Crowd::default());
        assert!(assessment.warnings().is_empty());
        assert!(assessment.granters().ends_with("2 deployments (1 without a limit)"));
    }

    #[test]
    fn what_makes_pictures_answers_no_prompts() {
        let mut pictures = deployment("b", Some(1_000_000));
        pictures["operations"] = json!(["images_generations"]);
        let all = [deployment("a", Some(300_000)), pictures];
        let assessment = Assessment::of(&event(), &all, &Crowd::default());
        assert_eq!((assessment.deployments, assessment.tokens_granted), (1, Some(300_000)));
    }

    #[test]
    fn too_few_environments_are_a_warning_only_where_their_number_is_known() {
        let deployments = [deployment("a", Some(1_000_000))];
        let crowd = |concurrency| Crowd { concurrency, ..Crowd::default() };
        let warnings = |concurrency| {
            Assessment::of(&event(), &deployments, &crowd(concurrency)).warnings().len()
        };
        assert_eq!([warnings(None), warnings(Some(67)), warnings(Some(66))], [0, 0, 1]);
    }

    #[test]
    fn the_readmes_event_costs_what_the_readme_says() {
        let assessment = Assessment::of(&event(), &[], &Crowd::default());
        assert_eq!(assessment.json()["cost_usd"], json!({"aws": 1.78, "azure": null}));
    }

    #[test]
    fn azures_tokens_cost_what_the_dearest_deployment_says() {
        let mut dear = deployment("a", None);
        dear["prices"] = json!({"prompt": 2.5, "completion": 10.0});
        let mut cheap = deployment("b", None);
        cheap["prices"] = json!({"prompt": 0.15, "completion": 0.6});
        let assessment = Assessment::of(&event(), &[dear, cheap], &Crowd::default());
        // 20,000 requests of 500 tokens are 10 million each way.
        assert_eq!(assessment.json()["cost_usd"]["azure"], 125.0);
    }
}
