//! `lanyard cost`: what an event costs on AWS, and at Azure if prices are known.
//!
//! The figures are those of docs/cost.md, and a test compares them. Nothing is sent.

use clap::Args;
use lanyard_doctor::{REQUESTS_PER_MINUTE, SECONDS_PER_REQUEST, grouped};
use lanyard_domain::models::{KnownModel, ModelFacts};
use serde_json::json;

use crate::count::count;
use crate::error::CliError;
use crate::globals::Globals;
use crate::output::Output;

/// List prices of us-east-1 in USD per million, November 2026, without free tiers.
mod price {
    /// Write units of DynamoDB.
    pub(super) const WRITES: f64 = 0.625;
    /// Requests of API Gateway.
    pub(super) const REQUESTS: f64 = 3.50;
    /// Invocations of Lambda.
    pub(super) const INVOCATIONS: f64 = 0.20;
    /// GB-seconds of Lambda on arm64.
    pub(super) const GB_SECONDS: f64 = 13.3334;
    /// KB of outgoing data; a GB is a million of them.
    pub(super) const OUTGOING_KB: f64 = 0.09;
    /// KB of logs.
    pub(super) const LOG_KB: f64 = 0.50;
}

/// Write units of a request that is admitted.
const WRITES_EACH: f64 = 6.0;

/// KB of the log line of a request.
const LOG_KB_EACH: f64 = 2.0;

/// The template's memory of functions that call Azure, in MB.
const MEMORY_MB: u64 = 512;

/// A streamed response of 500 tokens, in KB.
const RESPONSE_KB: u64 = 150;

/// Invocations of the scheduled functions in a month, their duration and memory.
const SCHEDULED: (f64, f64, f64) = (91_000.0, 0.1, 0.25);

/// What a response is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// How long it takes.
    seconds: u64,
    /// The memory of the function.
    memory_mb: u64,
    /// The size of the response.
    kilobytes: u64,
}

impl Shape {
    /// A streamed response of ten seconds, with the template's defaults.
    pub(crate) const USUAL: Self =
        Self { seconds: SECONDS_PER_REQUEST, memory_mb: MEMORY_MB, kilobytes: RESPONSE_KB };

    /// USD per million of such responses, by service.
    fn parts(self) -> [(&'static str, f64); 6] {
        let gigabytes = float(self.memory_mb) / 1024.0;
        [
            ("DynamoDB", WRITES_EACH * price::WRITES),
            ("API Gateway", price::REQUESTS),
            ("logs", LOG_KB_EACH * price::LOG_KB),
            ("data", float(self.kilobytes) * price::OUTGOING_KB),
            ("Lambda calls", price::INVOCATIONS),
            ("Lambda time", float(self.seconds) * gigabytes * price::GB_SECONDS),
        ]
    }

    /// USD for this many such responses.
    pub(crate) fn aws_usd(self, requests: u64) -> f64 {
        let million: f64 = self.parts().iter().map(|(_, usd)| usd).sum();
        float(requests) * million / 1_000_000.0
    }
}

/// USD per month without any event, free tiers not counted.
fn idle_usd() -> f64 {
    let (calls, seconds, gigabytes) = SCHEDULED;
    calls * (price::INVOCATIONS + seconds * gigabytes * price::GB_SECONDS) / 1_000_000.0
}

/// The size of the event.
#[derive(Args, Debug)]
pub(crate) struct CostArguments {
    /// Attendees.
    #[arg(long, default_value_t = 100, value_name = "NUMBER", value_parser = count, allow_negative_numbers = true)]
    attendees: u64,

    /// Requests of each attendee.
    #[arg(long, default_value_t = 200, value_name = "NUMBER", value_parser = count, allow_negative_numbers = true)]
    requests: u64,

    /// Seconds that a response takes.
    #[arg(long, default_value_t = SECONDS_PER_REQUEST, value_name = "SECONDS", value_parser = count, allow_negative_numbers = true)]
    seconds: u64,

    /// Memory of the functions that call Azure, in MB: the template's MemorySize.
    #[arg(long, default_value_t = MEMORY_MB, value_name = "MB", value_parser = clap::value_parser!(u64).range(128..=10_240))]
    memory: u64,

    /// Size of a response in KB. A streamed token takes about 0.3 KB.
    #[arg(long, default_value_t = RESPONSE_KB, value_name = "KB", value_parser = count, allow_negative_numbers = true)]
    kilobytes: u64,

    /// Input tokens of a request, for Azure's cost.
    #[arg(long, default_value_t = 500, value_name = "TOKENS", value_parser = count, allow_negative_numbers = true)]
    prompt_tokens: u64,

    /// Output tokens of a request, for Azure's cost.
    #[arg(long, default_value_t = 500, value_name = "TOKENS", value_parser = count, allow_negative_numbers = true)]
    completion_tokens: u64,

    /// Model whose list prices are Azure's cost, for example gpt-5-mini.
    #[arg(long, value_name = "MODEL", conflicts_with = "prices")]
    model: Option<String>,

    /// Azure's prices in USD per million input and output tokens, for example 0.15,0.60.
    #[arg(long, value_name = "PROMPT,COMPLETION", value_parser = prices)]
    prices: Option<(f64, f64)>,
}

/// `lanyard cost`
pub(crate) fn run(globals: &Globals, arguments: &CostArguments) -> Result<(), CliError> {
    let output = Output::new(globals);
    let azure_prices = match &arguments.model {
        Some(model) => Some(list_prices(model)?),
        None => arguments.prices,
    };
    let shape = Shape {
        seconds: arguments.seconds,
        memory_mb: arguments.memory,
        kilobytes: arguments.kilobytes,
    };
    let requests = arguments.attendees.saturating_mul(arguments.requests);
    let aws = shape.aws_usd(requests);
    let tokens = [arguments.prompt_tokens, arguments.completion_tokens];
    let azure = azure_prices.map(|prices| azure_usd(requests, tokens, prices));
    let in_flight = in_flight(arguments.attendees, arguments.seconds);
    let parts = shape.parts().map(|(name, usd)| (name, float(requests) * usd / 1_000_000.0));
    let said = json!({
        "requests": requests, "aws_usd": cents(aws), "azure_usd": azure.map(cents),
        "parts_usd": parts.iter().map(|(name, usd)| json!({"service": name, "usd": cents(*usd)})).collect::<Vec<_>>(),
        "aws_usd_per_1000": (shape.aws_usd(1_000) * 10_000.0).round() / 10_000.0,
        "in_flight": in_flight, "idle_usd_per_month": cents(idle_usd()),
    });
    output.data(&said, |style| {
        let mut lines = vec![(
            "requests",
            format!(
                "{}: {} attendees × {} requests of {} s",
                grouped(requests),
                grouped(arguments.attendees),
                arguments.requests,
                arguments.seconds
            ),
        )];
        lines.extend(parts.iter().map(|(name, usd)| (*name, format!("{usd:.2} USD"))));
        lines.push(("AWS", format!("{aws:.2} USD")));
        lines.push((
            "Azure",
            match azure {
                Some(usd) => format!("{usd:.2} USD for tokens"),
                None => "unknown (set --model or --prices)".to_owned(),
            },
        ));
        lines.push((
            "in flight",
            format!("{} at {REQUESTS_PER_MINUTE} requests a minute each", grouped(in_flight)),
        ));
        lines.push(("idle", format!("{:.2} USD a month", idle_usd())));
        style.pairs(&lines)
    })
}

/// USD for the input and output tokens of requests, at prices per million.
pub(crate) fn azure_usd(requests: u64, tokens: [u64; 2], (prompt, completion): (f64, f64)) -> f64 {
    let [input, output] = tokens.map(|each| float(requests) * float(each) / 1_000_000.0);
    input * prompt + output * completion
}

/// Requests in flight at the peak, if each takes this long.
pub(crate) fn in_flight(attendees: u64, seconds: u64) -> u64 {
    attendees.saturating_mul(REQUESTS_PER_MINUTE).saturating_mul(seconds).div_ceil(60)
}

/// Two prices, as `0.15,0.60`.
pub(crate) fn prices(text: &str) -> Result<(f64, f64), String> {
    let is_price = |price: &f64| price.is_finite() && *price >= 0.0;
    let price = |text: &str| text.trim().parse().ok().filter(is_price);
    let pair = text.split_once(',').and_then(|(p, c)| Some((price(p)?, price(c)?)));
    pair.ok_or_else(|| "must be two prices in USD, for example 0.15,0.60".to_owned())
}

/// The list prices of a known model, per million input and output tokens.
fn list_prices(model: &str) -> Result<(f64, f64), CliError> {
    let unknown = || {
        let near = KnownModel::near(model);
        let near = match near.as_slice() {
            [] => String::new(),
            near => format!(" Do you mean {}?", near.join(" or ")),
        };
        CliError::Usage(format!(
            "The prices of {model} are not known.{near} Use --prices otherwise"
        ))
    };
    let prices = ModelFacts::of(model).ok_or_else(unknown)?.prices;
    let input = prices.input.ok_or_else(unknown)?;
    let output = prices.output.unwrap_or_default();
    Ok((float(input) / 1_000_000.0, float(output) / 1_000_000.0))
}

/// More digits would have no meaning.
pub(crate) fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "an estimate in dollars, far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = include_str!("../../../docs/cost.md");

    /// The rows of the table below a heading, each as its cells.
    fn table(heading: &str) -> Vec<Vec<&'static str>> {
        let (_, part) = DOCUMENTED.split_once(heading).unwrap();
        let rows = part.lines().skip_while(|line| !line.starts_with('|'));
        let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
        rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
    }

    /// A figure as the page has it, with as many digits as it has.
    fn as_written(usd: f64, written: &str) -> String {
        let digits = written.split_once('.').map_or(0, |(_, digits)| digits.len());
        format!("{usd:.digits$}")
    }

    fn with_memory(memory_mb: u64, seconds: u64) -> Shape {
        Shape { memory_mb, seconds, ..Shape::USUAL }
    }

    #[test]
    fn the_parts_of_a_request_are_those_of_the_page() {
        let rows = table("## One request");
        let of = |begin: &str| {
            let row = rows.iter().find(|row| row[0].starts_with(begin)).unwrap();
            *row.last().unwrap()
        };
        let parts: Vec<_> = Shape::USUAL.parts().to_vec();
        let rows_of_parts = [
            "DynamoDB, writes",
            "API Gateway",
            "logs",
            "outgoing data",
            "Lambda, requests",
            "Lambda, time, 512 MB",
        ];
        for ((name, usd), row) in parts.into_iter().zip(rows_of_parts) {
            assert_eq!(as_written(usd, of(row)), of(row), "{name}");
        }
        for memory in [128, 256] {
            let written = of(&format!("Lambda, time, {memory} MB"));
            assert_eq!(as_written(with_memory(memory, 10).parts()[5].1, written), written);
        }
        let usual = Shape::USUAL.aws_usd(1_000);
        let said = format!("With the default of 512 MB, 1,000 such responses cost {usual:.4} USD.");
        assert!(DOCUMENTED.contains(&said), "{said}");
    }

    #[test]
    fn the_events_of_the_page_cost_what_it_says() {
        let rows = table("## One event");
        assert_eq!(rows.len(), 4);
        for row in rows {
            let numbers: Vec<u64> =
                row[0].split('×').map(|n| n.trim().replace(',', "").parse().unwrap()).collect();
            let [attendees, requests, seconds] = numbers[..] else { panic!("{row:?}") };
            for (memory, written) in [(128, row[1]), (512, row[2])] {
                let usd = with_memory(memory, seconds).aws_usd(attendees * requests);
                assert_eq!(as_written(usd, written), written, "{row:?} at {memory} MB");
            }
            let in_flight = (attendees * REQUESTS_PER_MINUTE * seconds).div_ceil(60);
            let written = row[3].split(':').next().unwrap().replace(',', "");
            let written: u64 = written.parse().unwrap();
            assert!(in_flight.abs_diff(written) <= 1, "{row:?}: {in_flight}");
        }
        let idle = format!("they cost {:.2}", idle_usd());
        assert!(DOCUMENTED.contains(&idle), "{idle}");
    }

    #[test]
    fn a_misspelt_model_is_refused_with_the_names_that_are_near() {
        let refused = |model: &str| list_prices(model).unwrap_err().to_string();
        assert!(refused("gpt5mini").contains("Do you mean gpt-5-mini"), "{}", refused("gpt5mini"));
        assert!(!refused("nothing-like-it").contains("Do you mean"));
    }

    #[test]
    fn the_readmes_event_costs_what_the_readme_says() {
        let readme = include_str!("../../../README.md");
        let usd = Shape::USUAL.aws_usd(100 * 200);
        let said =
            format!("About {usd:.2} USD on AWS for 100 attendees with 200 streamed responses each");
        assert!(readme.contains(&said), "{said}");
        assert!(readme.contains(&format!("{:.2} USD a month", idle_usd())));
    }
}
