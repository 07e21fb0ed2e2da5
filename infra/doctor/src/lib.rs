//! Checks a running service, by HTTP and through AWS, and reports problems and how to fix them.
//!
//! Each group of checks sends requests and judges the responses in pure functions. Test calls go
//! through an event of the doctor's own, which is deleted afterwards.

mod aws;
mod azure;
mod capacity;
mod client;
mod clock;
mod delivery;
mod finding;
mod inventory;
mod options;
mod report;
mod secret;
mod service;
mod service_calls;
mod temporary;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use lanyard_protocol::added::AddedField;

pub use self::aws::{Aws, AwsError, AwsFailure};
pub use self::capacity::{REQUESTS_PER_MINUTE, SECONDS_PER_REQUEST};
pub use self::finding::{Finding, Level, grouped};
pub use self::options::DoctorOptions;
pub use self::report::Verdict;
pub use self::secret::Secret;
pub use self::service::base;

use self::aws::Stack;
use self::azure::Keys;
use self::client::{HttpClient, is_local};
use self::delivery::ChunkTimes;
use self::inventory::Inventory;
use self::report::{Format, Report};
use self::temporary::TemporaryEvent;

/// Address of `cargo run`.
const LOCAL: &str = "http://127.0.0.1:8787/api";

/// Makes every check and prints the report.
///
/// # Errors
///
/// If a named file cannot be read, or the report cannot be written.
pub async fn run(options: &DoctorOptions) -> Result<ExitCode> {
    let verdict = examine(options, std::io::stdout()).await?;
    Ok(ExitCode::from(verdict as u8))
}

/// Makes every check and writes the report to `out`.
///
/// # Errors
///
/// Those of [`run`].
pub async fn examine(options: &DoctorOptions, out: impl Write) -> Result<Verdict> {
    let mut report = Report::new(out, if options.json { Format::Json } else { Format::Text });
    let token = token(options).await?;
    let client = HttpClient::new()?;

    let stack = match &options.stack {
        Some(name) => {
            let aws = Aws { program: options.aws.clone(), region: options.region.clone() };
            let (finding, stack) = aws::find(aws, name).await;
            report.add(vec![finding])?;
            stack
        }
        None => None,
    };
    let Some(base) = address(options, stack.as_ref()) else {
        let seen = "The address of the service is unknown, so no request was sent.";
        report.add(vec![Finding::skip("service", seen).next("Use --address URL.")])?;
        return Ok(report.finish(false)?);
    };

    let probe = service::probe(&client, &base).await;
    report.add(service::judge_probe(&base, &probe, options.stack.as_deref()))?;
    let (findings, mut inventory) = match &probe {
        Ok(_) => service::inventory(&client, &base, token.as_ref(), &options.organiser).await,
        Err(_) => (Vec::new(), None),
    };
    report.add(findings)?;
    let only = &options.deployment;
    if let Some(inventory) = &mut inventory {
        report.add(inventory.narrow(only))?;
    }

    if let Some(stack) = &stack {
        let (findings, available) = aws::inspect(stack).await;
        report.add(findings)?;
        if let Some(available) = available {
            let region = options.region.as_deref();
            let now = Machine.now();
            report.add(vec![capacity::concurrency(inventory.as_ref(), available, now, region)])?;
        }
    }
    let Ok(probe) = probe else { return Ok(report.finish(false)?) };

    let seen = match &inventory {
        Some(inventory) => {
            let keys = keys(options, &base, stack.as_ref());
            azure::inspect(&client, &base, inventory, &keys).await
        }
        None => Vec::new(),
    };
    report.add(seen.iter().flat_map(|seen| seen.findings.clone()).collect())?;
    // An event's quota depends on all of its deployments.
    if let (Some(inventory), true) = (&inventory, only.is_empty()) {
        let granted: Vec<_> = seen.iter().map(|seen| seen.granted).collect();
        report.add(capacity::check_quotas(inventory, &granted, Machine.now(), &base))?;
    }
    let azures = seen.iter().find_map(|seen| seen.ahead);
    report.add(vec![clock::judge(clock::ahead(&probe), azures)])?;

    let direct = inventory.as_ref().map(|inventory| direct(inventory, &seen)).unwrap_or_default();
    // A given code is that of an event that the operator wants to be tried.
    let own = match (&options.code, token.as_ref(), &inventory) {
        (None, Some(token), Some(_)) => {
            Some(TemporaryEvent::create(&client, &base, token, Machine.now()).await)
        }
        (_, _, _) => None,
    };
    let (own, refused) = match own {
        Some(Ok(event)) => (Some(event), None),
        Some(Err(finding)) => (None, Some(finding)),
        None => (None, None),
    };
    report.add(refused.into_iter().collect())?;
    let uncounted = inventory.as_ref().map(|inventory| uncounted(inventory, &seen));
    let uncounted = uncounted.unwrap_or_default();
    let given = own.as_ref().map(|event| &event.code).or(options.code.as_ref());
    let findings = match service_calls::credential(given, inventory.as_ref()) {
        Some(code) => service_calls::run(&client, &base, &code, &direct, &uncounted, only).await,
        None => vec![service_calls::without_credential(&base, Machine.now())],
    };
    // The event is deleted also if the report cannot be written.
    let left = match own {
        Some(event) => event.remove().await,
        None => None,
    };
    report.add(findings)?;
    report.add(left.into_iter().collect())?;
    Ok(report.finish(true)?)
}

/// The models with a deployment that refuses to report the usage of streams.
fn uncounted<'d>(
    inventory: &'d Inventory,
    seen: &[azure::Inspection],
) -> service_calls::Uncounted<'d> {
    let both = inventory.deployments.iter().zip(seen);
    let refuse = both.filter(|(_, seen)| seen.refused.has(AddedField::StreamOptions));
    refuse.map(|(deployment, _)| deployment.name.as_str()).collect()
}

/// The address: the given one, the stack's, or the local one.
fn address(options: &DoctorOptions, stack: Option<&Stack>) -> Option<String> {
    let named = options.address.as_deref();
    let found = match (&options.stack, stack) {
        (Some(_), stack) => stack.and_then(|stack| stack.address.as_deref()),
        (None, _) => Some(LOCAL),
    };
    named.or(found).map(service::base)
}

/// The organiser token. A named file must exist; the local one may be missing.
async fn token(options: &DoctorOptions) -> Result<Option<Secret>> {
    if let Some(file) = &options.token_file {
        let text = tokio::fs::read_to_string(file).await;
        let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
        return Ok(text.parse().ok());
    }
    if options.token.is_some() {
        return Ok(options.token.clone());
    }
    // The local token is sent only to the local service.
    let is_local = options.stack.is_none() && options.address.as_deref().is_none_or(is_local);
    let local = options.data.join("organiser-token");
    let text = if is_local { tokio::fs::read_to_string(local).await.ok() } else { None };
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Where keys are read: from the stack if one is named, or from the local service's data folder.
fn keys<'k>(options: &'k DoctorOptions, base: &str, stack: Option<&'k Stack>) -> Keys<'k> {
    match stack {
        Some(stack) => Keys::Stack(stack),
        None if is_local(base) => Keys::Folder(&options.data),
        None => Keys::Unknown,
    }
}

/// The timing of the models' own streams. Of several replicas the most buffered one counts, because
/// a request through the service may reach any of them.
fn direct<'d>(
    inventory: &'d Inventory,
    seen: &'d [azure::Inspection],
) -> service_calls::Direct<'d> {
    let mut direct: Vec<(&str, &ChunkTimes)> = Vec::new();
    for (deployment, seen) in inventory.deployments.iter().zip(seen) {
        let Some(times) = &seen.times else { continue };
        let name = deployment.name.as_str();
        match direct.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) if times.spread() < known.spread() => *known = times,
            Some(_) => {}
            None => direct.push((name, times)),
        }
    }
    direct
}
