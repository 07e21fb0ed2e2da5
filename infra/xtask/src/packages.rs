//! The packages of functions that do nothing but relay one operation. They differ in names alone.

use lanyard_domain::operation::Operation;
use lanyard_functions::{FUNCTIONS, Function, Handler};
use lanyard_protocol::Protocol;

/// Each file and its text.
pub(crate) fn files() -> impl Iterator<Item = (String, String)> {
    FUNCTIONS.iter().filter_map(|function| Some((function, relayed(function)?))).flat_map(
        |(function, operation)| {
            let folder = format!("functions/{}", function.name);
            [
                (format!("{folder}/Cargo.toml"), manifest(function, operation)),
                (format!("{folder}/src/lib.rs"), library(operation)),
                (format!("{folder}/src/main.rs"), binary(function, operation)),
            ]
        },
    )
}

/// The operation that a function relays, if that is all it does.
fn relayed(function: &Function) -> Option<Operation> {
    let is_relay = function.handler == Handler::Gateway && function.is_streamed;
    is_relay.then(|| function.name.replace('-', "_").parse().ok()).flatten()
}

fn manifest(function: &Function, operation: Operation) -> String {
    let (name, path) = (function.name, Protocol::of(operation).path);
    format!(
        r#"[package]
name = "{name}"
description = "POST …/{path}"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[[test]]
name = "bootstrap"
path = "../../tests/bootstrap.rs"

[dependencies]
lanyard-domain.workspace = true
lanyard-gateway.workspace = true
lanyard-platform.workspace = true
tokio = {{ workspace = true }}

[lints]
workspace = true
"#
    )
}

fn library(operation: Operation) -> String {
    let path = Protocol::of(operation).path;
    format!(
        r"//! `POST /api/v1/{path}`
//!
//! Generated from the table of functions.

use std::sync::Arc;

use lanyard_domain::operation::Operation;
use lanyard_gateway::{{ApiError, Gateway, Request, Response}};

/// Counts the call against the attendee's limits and relays the response.
///
/// # Errors
///
/// Every row of the error table.
pub async fn handle(gateway: Arc<Gateway>, request: Request) -> Result<Response, ApiError> {{
    gateway.forward(Operation::{operation:?}, request).await
}}
"
    )
}

fn binary(function: &Function, operation: Operation) -> String {
    let (library, path) = (function.crate_name(), Protocol::of(operation).path);
    format!(
        r#"//! `POST /api/v1/{path}` on Lambda.
//!
//! Generated from the table of functions.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lanyard_platform::lambda::Error> {{
    lanyard_platform::lambda::stream({library}::handle).await
}}
"#
    )
}
