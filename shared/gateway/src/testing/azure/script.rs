//! The script of a test: replies that the test sets, and correct ones for everything else.

use std::collections::VecDeque;

use super::kept::Kept;
use super::{Gate, Recorded, Reply, usual};

/// Replies to requests in this order: the next scripted one, the one for streams, the one for
/// everything, or a correct one. It records each request.
#[derive(Debug)]
pub struct Script {
    /// Replies to the next requests, in order.
    pub next: VecDeque<Reply>,
    /// The reply to each request that nothing else is scripted for.
    pub always: Option<Reply>,
    /// The reply to each such request for a stream.
    pub streams: Option<Reply>,
    /// What holds back the headers of correct replies.
    pub gate: Option<Gate>,
    /// The text of correct chat replies.
    pub completion: String,
    /// The objects that were stored.
    pub kept: Kept,
    /// The requests in the order in which they arrived.
    pub requests: Vec<Recorded>,
}

impl Script {
    /// A script of correct replies. The number distinguishes the ids of this resource from those of
    /// another one.
    #[must_use]
    pub fn of(resource: u16) -> Self {
        Self {
            next: VecDeque::new(),
            always: None,
            streams: None,
            gate: None,
            completion: usual::COMPLETION.to_owned(),
            kept: Kept::of(resource),
            requests: Vec::new(),
        }
    }

    /// The reply to a request.
    pub fn reply(&mut self, request: &Recorded) -> Reply {
        self.requests.push(request.clone());
        let next = self.next.pop_front();
        let streamed = || self.streams.clone().filter(|_| request.is_streamed());
        if let Some(scripted) = next.or_else(streamed).or_else(|| self.always.clone()) {
            return scripted;
        }
        let kept = self.kept.reply(request, &self.completion);
        let usual = kept.unwrap_or_else(|| usual::reply(request, &self.completion));
        match &self.gate {
            Some(gate) => usual.held(gate),
            None => usual,
        }
    }
}
