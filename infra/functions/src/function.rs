//! The type of a row.

use crate::policies::Policy;
use crate::routes::{Route, Routes};

/// A function: a package below `functions`, its binary, and what is deployed of it.
#[derive(Debug)]
pub struct Function {
    /// The name of the package and of the binary.
    pub name: &'static str,
    /// What it does, for operators.
    pub description: &'static str,
    /// The requests that reach it.
    pub routes: &'static [Routes],
    /// The schedule on which it runs.
    pub schedule: Option<Schedule>,
    /// How its library is called.
    pub handler: Handler,
    /// Whether API Gateway passes its response on as it comes.
    pub is_streamed: bool,
    /// The parameter of the template that sets its memory; `None` for the default.
    pub memory: Option<&'static str>,
    /// Its time limit in seconds; `None` for the default, or for the template's parameter where the
    /// response is streamed.
    pub timeout_s: Option<u32>,
    /// The concurrency that an operator can reserve for it.
    pub concurrency: Option<Concurrency>,
    /// The policies that it shares with other functions.
    pub policies: &'static [&'static Policy],
    /// What it alone may do.
    pub own_policy: Option<Policy>,
    /// A request to try it with, at its first path.
    pub sample: Sample,
}

/// The request of a sample event in `infra/events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// A `GET`.
    Get,
    /// A `POST` of this JSON, on one line.
    Post(&'static str),
    /// Another, whose event is written by hand.
    ByHand,
}

/// How a function's library is called, in process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// `handle(gateway, request)`; the dispatch is generated.
    Gateway,
    /// `handle(objects, request)`; the dispatch is generated.
    Objects,
    /// `admin`: the organisers' API.
    Admin,
    /// `own-deployments`: over the table and the keys.
    OwnDeployments,
    /// `pages`: without any service.
    Pages,
    /// `rate`: over usage records.
    Rate,
    /// `register`: over registrations.
    Register,
    /// On its schedule alone.
    Schedule,
}

/// A schedule on which a function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The name of the event in the template.
    pub event: &'static str,
    /// What it runs, for operators.
    pub description: &'static str,
    /// How often, in EventBridge's words.
    pub rate: &'static str,
}

/// Concurrency that an operator can reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// The template's condition under which it is reserved.
    pub condition: &'static str,
    /// The template's parameter that says how much.
    pub parameter: &'static str,
}

impl Function {
    /// The name of its resource in the template, such as `ChatCompletions`.
    #[must_use]
    pub fn logical_id(&self) -> String {
        let mut id = String::with_capacity(self.name.len());
        for word in self.name.split('-') {
            let (first, rest) = word.split_at(1);
            id.push_str(&first.to_ascii_uppercase());
            id.push_str(rest);
        }
        id
    }

    /// The name of its library in Rust, such as `chat_completions`.
    #[must_use]
    pub fn crate_name(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Every path that reaches it.
    pub fn paths(&self) -> impl Iterator<Item = Route> {
        self.routes.iter().flat_map(Routes::iter)
    }
}
