//! Estimates what an event needs and costs. The assumptions are printed with the result.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use clap::Args;
use lanyard_doctor::{REQUESTS_PER_MINUTE, SECONDS_PER_REQUEST, grouped};
use lanyard_domain::operation::Operation;
use serde_json::{Value, json};

use crate::cost::{Shape, azure_usd, cents, in_flight, prices};
use crate::count::count;
use crate::money::{self, dollars};
use crate::table::text;

/// The assumptions of the estimate.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Assumptions of the estimate")]
pub(super) struct Assumptions {
    /// Total requests per attendee. Default: 200, with --preset agents 100, with demo 20.
    #[arg(long, value_name = "REQUESTS", value_parser = count, allow_negative_numbers = true)]
    requests_each: Option<u64>,

    /// Input tokens per request. Default: 500, with --preset agents 20,000.
    #[arg(long, value_name = "TOKENS", value_parser = count, allow_negative_numbers = true)]
    prompt_tokens: Option<u64>,

    /// Output tokens per request. Default: 500, with --preset agents 1,000.
    #[arg(long, value_name = "TOKENS", value_parser = count, allow_negative_numbers = true)]
    completion_tokens: Option<u64>,

    /// Azure's prices in USD per million input and output tokens, for example 0.15,0.60. Default:
    /// the prices of the most expensive model on offer, as far as they are known.
    #[arg(long, value_name = "PROMPT,COMPLETION", value_parser = prices)]
    prices: Option<(f64, f64)>,

    /// Lambda concurrency limit of the AWS account. Default: the profile's. Without one,
    /// concurrency is not checked.
    #[arg(long, value_name = "ENVIRONMENTS", value_parser = count, allow_negative_numbers = true)]
    concurrency: Option<u64>,
}

/// A usual attendee: requests, and the tokens of the input and the output of each.
const USUAL: [u64; 3] = [200, 500, 500];
/// A coding agent sends its instructions, its tools and the files with each turn.
const AGENTS: [u64; 3] = [100, 20_000, 1_000];
/// A try at a stand.
const DEMO: [u64; 3] = [20, 500, 500];

/// How long after an event's end a retirement still matters: it may be extended or repeated.
const SOON: Days = Days::new(7);

impl Assumptions {
    /// The same, with the usual figures of a preset where none were given.
    pub(super) fn of_preset(&self, preset: Option<&str>) -> Self {
        let [requests, prompt, completion] = match preset {
            Some("agents") => AGENTS,
            Some("demo") => DEMO,
            Some(_) | None => USUAL,
        };
        Self {
            requests_each: self.requests_each.or(Some(requests)),
            prompt_tokens: self.prompt_tokens.or(Some(prompt)),
            completion_tokens: self.completion_tokens.or(Some(completion)),
            ..self.clone()
        }
    }

    /// Requests, and the tokens of the input and the output of each.
    fn figures(&self) -> [u64; 3] {
        let given = [self.requests_each, self.prompt_tokens, self.completion_tokens];
        std::array::from_fn(|at| given[at].unwrap_or(USUAL[at]))
    }

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
    /// The model whose prices these are. `None` if the prices were given.
    priced_as: Option<String>,
    /// Models without a known price at an event that limits money.
    unpriced: Vec<String>,
    /// Deployments whose model Azure retires by the end of the event or soon after, with the day.
    retiring: Vec<String>,
    /// Budgets that are smaller than what the event will use.
    small_budgets: Vec<String>,
    basis: String,
}

impl Estimate {
    /// Estimates an event with the organiser's deployments.
    pub(super) fn of(event: &Value, deployments: &[Value], assumptions: &Assumptions) -> Self {
        let attendees = event["attendees"].as_u64().unwrap_or(100);
        let offered: Vec<_> = deployments.iter().filter(|one| is_offered(event, one)).collect();
        let for_text: Vec<_> = offered.iter().copied().filter(|one| generates_text(one)).collect();
        let granted: Vec<u64> =
            for_text.iter().filter_map(|one| one["tokens_per_minute"].as_u64()).collect();
        let [requests_each, prompt_tokens, completion_tokens] = assumptions.figures();
        let each = prompt_tokens.saturating_add(completion_tokens);
        let requests = attendees.saturating_mul(requests_each);
        let (prices, priced_as) = match (assumptions.prices, most_expensive(&for_text)) {
            (Some(given), _) => (Some(given), None),
            (None, Some((model, prices))) => (Some(prices), Some(model)),
            (None, None) => (None, None),
        };
        let usd_of = |requests| {
            prices.map(|prices| azure_usd(requests, [prompt_tokens, completion_tokens], prices))
        };
        let azure_usd = usd_of(requests);
        Self {
            tokens_needed: attendees.saturating_mul(REQUESTS_PER_MINUTE).saturating_mul(each),
            tokens_granted: granted.iter().copied().reduce(u64::saturating_add),
            deployments: for_text.len(),
            without_limit: for_text.len() - granted.len(),
            environments_needed: in_flight(attendees, SECONDS_PER_REQUEST),
            environments: assumptions.concurrency,
            aws_usd: Shape::USUAL.aws_usd(requests),
            azure_usd,
            priced_as,
            unpriced: match money::is_limited(event) {
                true => unpriced(&offered),
                false => Vec::new(),
            },
            retiring: distinct(offered.iter().filter_map(|one| retiring(one, event))),
            small_budgets: small_budgets(
                &event["allowances"],
                [requests_each.saturating_mul(each), requests.saturating_mul(each)],
                [usd_of(requests_each), azure_usd],
            ),
            basis: format!(
                "{} attendees × {requests_each} requests of {} + {} tokens",
                grouped(attendees),
                grouped(prompt_tokens),
                grouped(completion_tokens)
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
        if !self.unpriced.is_empty() {
            warnings.push(format!(
                "The event limits US dollars, and these models have no known price: {}. Requests to \
                 them are refused. Give their deployments prices, for example with `lanyard \
                 deployment edit --prompt-price`.",
                self.unpriced.join(", ")
            ));
        }
        if !self.retiring.is_empty() {
            warnings.push(format!(
                "Azure retires models on offer before the event ends or soon after: {}. Requests to \
                 them fail from that day: deploy their successors. `lanyard deployment show NAME` \
                 has the day of a model.",
                self.retiring.join(", ")
            ));
        }
        warnings.extend(self.small_budgets.iter().cloned());
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
            Some(usd) => match &self.priced_as {
                Some(model) => format!("{usd:.2} USD for Azure at the prices of {model}"),
                None => format!("{usd:.2} USD for Azure"),
            },
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

/// The names of deployments that have no price of their own and a model without one.
fn unpriced(offered: &[&Value]) -> Vec<String> {
    let unpriced = offered.iter().filter(|one| prices_of(one).is_none());
    distinct(unpriced.map(|one| text(&one["name"])))
}

/// Each text once: replicas of one name say the same.
fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The day on which the model of a deployment is retired, if the event is not over long before.
fn retiring(deployment: &Value, event: &Value) -> Option<String> {
    let date = |value: &Value| value.as_str()?.get(..10)?.parse::<NaiveDate>().ok();
    let day = date(&deployment["facts"]["retires_on"])?;
    let last = date(&event["ends_at"]).and_then(|ends| ends.checked_add_days(SOON));
    if last.is_some_and(|last| day > last) {
        return None;
    }
    let name = text(&deployment["name"]);
    let model = deployment["model"].as_str().or(deployment["azure_name"].as_str());
    Some(match model.filter(|model| !model.eq_ignore_ascii_case(&name)) {
        Some(model) => format!("{name} ({model}, {day})"),
        None => format!("{name} ({day})"),
    })
}

/// Warnings about totals that are smaller than what an attendee, or the event, will use: tokens, and
/// dollars if they are known.
fn small_budgets(allowances: &Value, tokens: [u64; 2], usd: [Option<f64>; 2]) -> Vec<String> {
    let mut warnings = Vec::new();
    let accounts = [("attendee", "an attendee"), ("event", "the event")];
    for ((account, whose), (tokens, usd)) in accounts.into_iter().zip(tokens.into_iter().zip(usd)) {
        let limits = &allowances[account];
        let budget = limits["tokens_total"].as_u64().filter(|budget| *budget < tokens);
        let words = |tokens| format!("{} total tokens", grouped(tokens));
        warnings.extend(budget.map(|budget| small(whose, &words(budget), &grouped(tokens))));
        if let (Some(budget), Some(needed)) = (limits["usd_total"].as_f64(), usd)
            && budget < needed
        {
            let words = |usd| format!("{} USD", dollars(usd));
            warnings.push(small(whose, &words(budget), &words(needed)));
        }
    }
    warnings
}

fn small(whose: &str, budget: &str, needed: &str) -> String {
    format!(
        "The budget of {whose}, {budget}, is below the estimate of {needed}. It may be used up \
         before the event ends."
    )
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
    names.into_iter().any(Operation::writes_text)
}

/// The prices of a deployment, or else the list prices of its model.
fn prices_of(deployment: &Value) -> Option<&Value> {
    let prices = [&deployment["prices"], &deployment["facts"]["prices"]];
    prices.into_iter().find(|prices| prices.is_object())
}

/// The most expensive deployment: its name, and its own prices or the list prices of its model.
fn most_expensive(for_text: &[&Value]) -> Option<(String, (f64, f64))> {
    let priced = for_text.iter().filter_map(|one| {
        let prices = prices_of(one)?;
        let prices =
            (prices["prompt"].as_f64()?, prices["completion"].as_f64().unwrap_or_default());
        Some((text(&one["name"]), prices))
    });
    priced.max_by(|(_, a), (_, b)| (a.0 + a.1).total_cmp(&(b.0 + b.1)))
}

#[cfg(test)]
mod tests;
