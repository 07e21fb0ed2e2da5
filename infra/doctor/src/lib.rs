//! Looks at a running service, from the outside and through AWS, and says what is wrong with it
//! and how to mend it.
//!
//! Each group of checks asks, and leaves what the answers mean to plain functions. Nothing is
//! changed: all that is left behind is one attendee's usage of a few short calls.

mod asker;
mod aws;
mod azure;
mod clock;
mod crowd;
mod finding;
mod holdings;
mod options;
mod pace;
mod report;
mod secret;
mod service;
mod trial;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;

pub use self::crowd::{REQUESTS_PER_MINUTE, SECONDS_PER_REQUEST};
pub use self::finding::{Finding, Level, grouped};
pub use self::options::DoctorOptions;
pub use self::report::Verdict;
pub use self::secret::Secret;
pub use self::service::base;

use self::asker::{Asker, is_near};
use self::aws::{Aws, Stack};
use self::azure::Keys;
use self::holdings::Holdings;
use self::pace::Arrivals;
use self::report::{Format, Report};

/// Where `cargo run` serves.
const LOCAL: &str = "http://127.0.0.1:8787/api";

/// Makes every check and prints the report.
///
/// # Errors
///
/// If a file that was named cannot be read, or the report cannot be written.
pub async fn run(options: &DoctorOptions) -> Result<ExitCode> {
    let verdict = examine(options, std::io::stdout()).await?;
    Ok(ExitCode::from(verdict as u8))
}

/// Makes every check and writes the report there.
///
/// # Errors
///
/// Those of [`run`].
pub async fn examine(options: &DoctorOptions, out: impl Write) -> Result<Verdict> {
    let mut report = Report::new(out, if options.json { Format::Json } else { Format::Text });
    let token = token(options).await?;
    let asker = Asker::new()?;

    let stack = match &options.stack {
        Some(name) => {
            let aws = Aws { program: options.aws.clone(), region: options.region.clone() };
            let (finding, stack) = aws::find(aws, name).await;
            report.add([finding])?;
            stack
        }
        None => None,
    };
    let Some(base) = address(options, stack.as_ref()) else {
        let seen = "The address of the service is unknown, so no request was sent.";
        report.add([Finding::skip("service", seen).next("Use --address URL.")])?;
        return Ok(report.finish(false)?);
    };

    let knock = service::knock(&asker, &base).await;
    report.add(service::knocked(&base, &knock, options.stack.as_deref()))?;
    let (findings, mut holdings) = match &knock {
        Ok(_) => service::holdings(&asker, &base, token.as_ref(), &options.organiser).await,
        Err(_) => (Vec::new(), None),
    };
    report.add(findings)?;
    let only = &options.deployment;
    if let Some(holdings) = &mut holdings {
        report.add(holdings.narrow(only))?;
    }

    if let Some(stack) = &stack {
        let (findings, available) = aws::look(stack).await;
        report.add(findings)?;
        if let Some(available) = available {
            let region = options.region.as_deref();
            let now = Machine.now();
            report.add([crowd::concurrency(holdings.as_ref(), available, now, region)])?;
        }
    }
    let Ok(knock) = knock else { return Ok(report.finish(false)?) };

    let seen = match &holdings {
        Some(holdings) => {
            let keys = keys(options, &base, stack.as_ref());
            azure::look(&asker, &base, holdings, &keys).await
        }
        None => Vec::new(),
    };
    report.add(seen.iter().flat_map(|seen| seen.findings.clone()))?;
    // What an event promises rests on all of its deployments.
    if let (Some(holdings), true) = (&holdings, only.is_empty()) {
        let granted: Vec<_> = seen.iter().map(|seen| seen.granted).collect();
        report.add(crowd::promises(holdings, &granted, Machine.now(), &base))?;
    }
    let azures = seen.iter().find_map(|seen| seen.ahead);
    report.add([clock::judge(clock::ahead(&knock), azures)])?;

    let direct = holdings.as_ref().map(|holdings| direct(holdings, &seen)).unwrap_or_default();
    match trial::credential(options.code.as_ref(), holdings.as_ref()) {
        Some(code) => report.add(trial::run(&asker, &base, &code, &direct, only).await)?,
        None => report.add([trial::without_credential(&base, Machine.now())])?,
    }
    Ok(report.finish(true)?)
}

/// Where the service answers: as named, as the stack says, or here.
fn address(options: &DoctorOptions, stack: Option<&Stack>) -> Option<String> {
    let named = options.address.as_deref();
    let found = match (&options.stack, stack) {
        (Some(_), stack) => stack.and_then(|stack| stack.address.as_deref()),
        (None, _) => Some(LOCAL),
    };
    named.or(found).map(service::base)
}

/// The organiser's token. A file that was named must be there, the local one may be missing.
async fn token(options: &DoctorOptions) -> Result<Option<Secret>> {
    if let Some(file) = &options.token_file {
        let text = tokio::fs::read_to_string(file).await;
        let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
        return Ok(text.parse().ok());
    }
    if options.token.is_some() {
        return Ok(options.token.clone());
    }
    // The local token is sent to the local service alone.
    let is_local = options.stack.is_none() && options.address.as_deref().is_none_or(is_near);
    let local = options.data.join("organiser-token");
    let text = if is_local { tokio::fs::read_to_string(local).await.ok() } else { None };
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Where keys are read: the stack's if one is named, the local ones for the local service.
fn keys<'k>(options: &'k DoctorOptions, base: &str, stack: Option<&'k Stack>) -> Keys<'k> {
    match stack {
        Some(stack) => Keys::Stack(stack),
        None if is_near(base) => Keys::Folder(&options.data),
        None => Keys::Unknown,
    }
}

/// How the models' streams came directly; of several replicas the one that came closest to a lump,
/// since nobody knows which of them a call through the service meets.
fn direct<'d>(holdings: &'d Holdings, seen: &'d [azure::Seen]) -> trial::Direct<'d> {
    let mut direct: Vec<(&str, &Arrivals)> = Vec::new();
    for (deployment, seen) in holdings.deployments.iter().zip(seen) {
        let Some(arrivals) = &seen.arrivals else { continue };
        let name = deployment.name.as_str();
        match direct.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) if arrivals.spread() < known.spread() => *known = arrivals,
            Some(_) => {}
            None => direct.push((name, arrivals)),
        }
    }
    direct
}
