//! Checks a deployed stack with the `aws` command and the operator's own credentials: a profile,
//! SSO or the environment. Changes nothing.

mod command;
mod functions;
mod stack;
mod table;

pub use command::{Aws, AwsError, AwsFailure};
pub(super) use stack::{Stack, find};

use futures_util::future::join_all;

use super::finding::Finding;

/// Checks a stack. Also returns the concurrency of the functions that attendees use.
pub(super) async fn inspect(stack: &Stack) -> (Vec<Finding>, Option<u64>) {
    let names = stack.functions.iter().map(|function| functions::inspect(&stack.aws, function));
    let (mut findings, inspections, account) =
        tokio::join!(table::inspect(stack), join_all(names), functions::account(&stack.aws));
    let mut available = match account {
        Ok(available) => Some(available),
        Err(error) => {
            findings.push(not_checked("aws concurrency", &error));
            None
        }
    };
    for inspection in inspections {
        findings.push(inspection.finding);
        // Reserved concurrency is also the function's limit.
        if let (Some(reserved), true) = (inspection.reserved, inspection.is_proxied) {
            available = Some(available.unwrap_or(reserved).min(reserved));
        }
    }
    (findings, available)
}

/// A check that could not be made.
fn not_checked(check: &str, error: &AwsError) -> Finding {
    Finding::warn(check, format!("Not checked: {error}."), error.advice())
}
