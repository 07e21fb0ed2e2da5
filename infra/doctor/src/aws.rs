//! What AWS says of a deployed stack, asked by the `aws` command with whatever credentials the
//! operator uses: a profile, SSO or the environment. Nothing is changed.

mod command;
mod functions;
mod stack;
mod table;

pub(super) use command::Aws;
pub(super) use stack::{Stack, find};

use futures_util::future::join_all;

use self::command::Refused;
use super::finding::Finding;

/// The checks of a stack, and how many environments attendees' functions may have at once.
pub(super) async fn look(stack: &Stack) -> (Vec<Finding>, Option<u64>) {
    let names = stack.functions.iter().map(|function| functions::look(&stack.aws, function));
    let (mut findings, looks, account) =
        tokio::join!(table::look(stack), join_all(names), functions::account(&stack.aws));
    let mut available = match account {
        Ok(available) => Some(available),
        Err(refused) => {
            findings.push(not_seen("aws concurrency", &refused));
            None
        }
    };
    for look in looks {
        findings.push(look.finding);
        // What is reserved for a function of an event's requests is all that it gets.
        if let (Some(reserved), true) = (look.reserved, look.is_proxied) {
            available = Some(available.unwrap_or(reserved).min(reserved));
        }
    }
    (findings, available)
}

/// A check that AWS did not let happen.
fn not_seen(check: &str, refused: &Refused) -> Finding {
    Finding::warn(check, format!("Not checked: {refused}."), refused.mend())
}
