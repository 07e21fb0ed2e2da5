//! The functions as they are deployed: their binaries, in environments as Lambda has them.
//!
//! [`Runtime::answer`] is API Gateway. A [`function`] with its environments, and the Runtime API
//! that they call, is Lambda. Calls of the environments to AWS are in [`aws`]. This crate is only
//! the emulator: the code that serves requests is in the binaries.

pub mod aws;
mod bootstraps;
pub mod event;
mod function;
mod integration;
pub mod invocation;
pub mod loopback;
pub mod options;
pub mod policy;
pub mod run_secret;
mod schedule;
pub mod template;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use lanyard_gateway::ports::Clock;
use lanyard_platform::settings::{
    DYNAMODB_ENDPOINT, DYNAMODB_TIMEOUT, SSM_ENDPOINT, log_directives,
};
use lanyard_platform::shell::Machine;
use tokio_util::sync::CancellationToken;

use self::aws::ACCESS_KEY_PREFIX;
use self::bootstraps::Bootstraps;
use self::event::{Arrival, PayloadFormat};
use self::function::{Definition, Function};
pub use self::integration::ResponseBody;
use self::invocation::{Failure, MOST_BYTES, Outcome};
use self::options::RuntimeOptions;
use self::run_secret::RunSecret;
use crate::template::{GatewayFault, Place, Route, Schedule, Template};

/// The account of everything here; AWS assigns this account number to nobody.
pub const ACCOUNT: &str = "000000000000";

/// The stack of everything here.
pub const STACK: &str = "lanyard";

/// All functions, in environments.
pub struct Runtime {
    template: Template,
    functions: BTreeMap<String, Function>,
    format: PayloadFormat,
    region: String,
}

/// The addresses and settings that environments need.
pub struct Machinery<'m> {
    /// Where the environments find AWS.
    pub aws: &'m str,
    /// The session token of their calls to AWS.
    pub secret: &'m RunSecret,
    /// The table's name.
    pub table: &'m str,
    /// The region.
    pub region: &'m str,
    /// How long the engine may take.
    pub timeout: Duration,
}

impl Machinery<'_> {
    /// The path of the template.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            stack: STACK.to_owned(),
            region: self.region.to_owned(),
            account: ACCOUNT.to_owned(),
            table: self.table.to_owned(),
        }
    }
}

impl Runtime {
    /// Finds the binaries, building them if need be. No environment is started before it is called.
    ///
    /// # Errors
    ///
    /// If a binary is missing or cannot be built, or the template's variables cannot be worked out.
    pub async fn prepare(
        template: Template,
        options: &RuntimeOptions,
        machinery: &Machinery<'_>,
    ) -> Result<Self> {
        let bootstraps = Bootstraps::find(options.bootstraps.as_deref()).await?;
        let mut functions = BTreeMap::new();
        for function in &template.functions {
            let name = &function.name;
            let region = machinery.region;
            let deployed = format!("{STACK}-{name}");
            let definition = Definition {
                bootstrap: bootstraps.of(function)?,
                variables: variables(&template, function, machinery)
                    .with_context(|| format!("the environment of {name}"))?,
                arn: format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{deployed}"),
                most_environments: options.environments,
                is_frozen_between_calls: options.freeze,
                template: function.clone(),
            };
            functions.insert(name.clone(), Function::new(definition));
        }
        let (format, region) = (options.payload_format_version, machinery.region.to_owned());
        Ok(Self { template, functions, format, region })
    }

    /// Answers a request as API Gateway does.
    pub async fn respond(
        &self,
        route: Option<&Route>,
        head: &Parts,
        body: Option<Bytes>,
        source_ip: IpAddr,
    ) -> Response<ResponseBody> {
        let id = invocation::new_id();
        let answered = self.try_response(route, head, body, source_ip, &id).await;
        let mut response = answered.unwrap_or_else(|fault| {
            self.template.responses.respond(fault).map(|body| ResponseBody::Buffered(Some(body)))
        });
        if let Ok(id) = id.parse() {
            response.headers_mut().insert("x-amzn-requestid", id);
        }
        response
    }

    async fn try_response(
        &self,
        route: Option<&Route>,
        head: &Parts,
        body: Option<Bytes>,
        source_ip: IpAddr,
        id: &str,
    ) -> Result<Response<ResponseBody>, GatewayFault> {
        let route = route.ok_or(GatewayFault::UnknownPath)?;
        let body = body.ok_or(GatewayFault::TooLarge)?;
        let function = self.functions.get(&route.function).ok_or(GatewayFault::Failed)?;
        let now = Machine.now();
        let trace = invocation::new_trace(now.timestamp());
        let arrival = Arrival {
            head,
            body: &body,
            route,
            stage: &self.template.stage,
            binary_media_types: &self.template.binary_media_types,
            source_ip,
            request_id: id,
            trace: &trace,
            now,
        };
        let event = arrival.event(self.format);
        if event.len() > MOST_BYTES {
            return Err(GatewayFault::TooLarge);
        }
        let outcome = function.invoke(id.to_owned(), trace, event);
        let outcome = tokio::time::timeout(route.integration_timeout, outcome).await;
        let outcome = outcome.map_err(|_| GatewayFault::TimedOut)?;
        integration::integrate(outcome, route.is_streamed, self.format).ok_or(GatewayFault::Failed)
    }

    /// Calls a function directly, as a principal that IAM allows to invoke it. `None` if there is none of
    /// this name.
    pub async fn invoke(&self, function: &str, event: Bytes) -> Option<Outcome> {
        let trace = invocation::new_trace(Machine.now().timestamp());
        let function = self.functions.get(function)?;
        Some(function.invoke(invocation::new_id(), trace, event).await)
    }

    /// Calls a function by the clock, until `stop`.
    pub async fn run_by(&self, schedule: &Schedule, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(schedule.every);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let event =
                schedule::event(schedule, &invocation::new_id(), &self.region, Machine.now());
            match self.invoke(&schedule.function, event).await {
                Some(Outcome::Buffered(swept)) => {
                    tracing::debug!("{}: {}", schedule.function, String::from_utf8_lossy(&swept));
                }
                Some(Outcome::Failed(Failure::Ended)) => return,
                // The failure was logged already; the next run goes on.
                Some(Outcome::Failed(_) | Outcome::Streamed { .. }) | None => {}
            }
        }
    }

    /// The process ids of a function's environments.
    #[must_use]
    pub fn environments(&self, function: &str) -> Vec<i32> {
        let function = self.functions.get(function);
        let processes = function.map(|function| function.processes()).unwrap_or_default();
        processes.into_iter().map(|process| process.as_raw_nonzero().get()).collect()
    }

    /// Returns when no call waits and every environment has asked for the next one.
    pub async fn quiet(&self) {
        while !self.functions.values().all(|function| function.is_quiet()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends every environment, whatever it does.
    pub async fn end(&self) {
        for function in self.functions.values() {
            function.end().await;
        }
    }
}

/// The whole environment of a function's processes: the template's variables, and what Lambda adds.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
fn variables(
    template: &Template,
    function: &crate::template::Function,
    machinery: &Machinery<'_>,
) -> Result<BTreeMap<String, String>> {
    let mut variables = template.variables(function, &machinery.place())?;
    let folder = "/var/task";
    let added = [
        ("AWS_LAMBDA_FUNCTION_NAME", format!("{STACK}-{}", function.name)),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_REGION", machinery.region.to_owned()),
        ("AWS_DEFAULT_REGION", machinery.region.to_owned()),
        ("AWS_ACCESS_KEY_ID", format!("{ACCESS_KEY_PREFIX}{}", function.name)),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_SESSION_TOKEN", machinery.secret.reveal().to_owned()),
        ("LAMBDA_TASK_ROOT", folder.to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        (DYNAMODB_ENDPOINT, machinery.aws.to_owned()),
        (SSM_ENDPOINT, machinery.aws.to_owned()),
        (DYNAMODB_TIMEOUT, machinery.timeout.as_millis().to_string()),
        // The functions log at the level of this server.
        ("LANYARD_LOG", log_directives()),
    ];
    variables.extend(added.map(|(name, value)| (name.to_owned(), value)));
    Ok(variables)
}
