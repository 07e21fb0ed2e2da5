//! Random replies about stored objects. Their ids come from the address, or are new.

use lanyard_domain::object::Kind;
use lanyard_protocol::Protocol;

use super::RandomAzure;
use crate::ports::Random;

/// How the ids of a kind begin.
#[must_use]
pub fn id_prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Response => "resp",
        Kind::Conversation => "conv",
        Kind::File => "file",
        Kind::VectorStore => "vs",
        Kind::Assistant => "asst",
        Kind::Thread => "thread",
        Kind::Run => "run",
        Kind::Video => "video",
        Kind::Container => "cntr",
    }
}

/// The segment of a path that precedes the ids of a kind.
fn segment(kind: Kind) -> &'static str {
    if kind == Kind::Run { "runs" } else { Protocol::of_kind(kind).path }
}

const STATES: [&str; 8] = [
    "queued",
    "in_progress",
    "requires_action",
    "completed",
    "failed",
    "cancelled",
    "incomplete",
    "expired",
];

impl RandomAzure {
    /// The object that an address is about: its kind and its id, or one for a new object.
    fn object(&self, url: &str) -> Option<(Kind, String)> {
        let path = url.split('?').next()?;
        let mut segments = path.split('/').peekable();
        let mut found = None;
        while let Some(name) = segments.next() {
            let kinds = Kind::ALL.iter().copied();
            let Some(kind) = kinds.into_iter().find(|kind| segment(*kind) == name) else {
                continue;
            };
            let id = segments.peek().filter(|id| id.contains('_'));
            let new = || format!("{}_{:x}", id_prefix(kind), self.random.next_u64());
            found = Some((kind, id.map_or_else(new, |id| (*id).to_owned())));
        }
        // A new video is made from the one that the path names.
        found.map(|(kind, id)| match path.ends_with("/remix") {
            true => (kind, format!("{id}r{:x}", self.random.below(1_000_000))),
            false => (kind, id),
        })
    }

    /// An object in some state, nearly always well formed.
    pub(super) fn stored(&self, url: &str) -> Option<String> {
        let (kind, id) = self.object(url)?;
        Some(match (self.random.below(20), kind) {
            (0, _) => "<html>".to_owned(),
            (1, _) => r#"{"id":7,"status":"completed"}"#.to_owned(),
            (_, Kind::Response) => self.response(&id, "completed"),
            (_, Kind::Run) => self.run(&id, url, self.state()),
            _ => format!(
                r#"{{"id":"{id}","status":"{}","seconds":"{}","purpose":"user_data","data":[]}}"#,
                self.state(),
                4 * self.random.below(4)
            ),
        })
    }

    /// The events of a stream about a response or a run; a break is `None`.
    pub(super) fn stored_events(&self, url: &str) -> Option<Vec<Option<String>>> {
        let (kind, id) = self.object(url)?;
        let event = |name: &str, data: String| Some(format!("event: {name}\ndata: {data}\n\n"));
        let response = |name: &str, state: &str| {
            let response = self.response(&id, state);
            event(name, format!(r#"{{"type":"{name}","response":{response}}}"#))
        };
        let run = |name: &str, state: &str| event(name, self.run(&id, url, state));
        let is_run = kind == Kind::Run;
        let mut events = match is_run {
            true => vec![run("thread.run.created", "queued")],
            false => vec![response("response.created", "in_progress")],
        };
        for _ in 0..self.random.below(5) {
            events.push(match is_run {
                true => event("thread.message.delta", r#"{"delta":{}}"#.to_owned()),
                false => event(
                    "response.output_text.delta",
                    r#"{"type":"response.output_text.delta","delta":"a"}"#.to_owned(),
                ),
            });
        }
        events.push(match (self.random.one_in(5), is_run) {
            (true, _) => None,
            (false, true) => run("thread.run.completed", "completed"),
            (false, false) => response("response.completed", "completed"),
        });
        Some(events)
    }

    fn state(&self) -> &'static str {
        let place = usize::try_from(self.random.below(STATES.len() as u64)).unwrap_or_default();
        STATES[place]
    }

    fn response(&self, id: &str, state: &str) -> String {
        let (input, output) = (self.random.below(200), self.random.below(2_000));
        format!(
            r#"{{"id":"{id}","status":"{state}","output":[],"usage":{{"input_tokens":{input},"output_tokens":{output}}}}}"#
        )
    }

    fn run(&self, id: &str, url: &str, state: &str) -> String {
        let below = url.split("/threads/").nth(1).unwrap_or_default();
        let thread = below.split(['/', '?']).next().filter(|id| id.contains('_'));
        let thread = thread
            .map_or_else(|| format!("thread_{:x}", self.random.next_u64()), ToOwned::to_owned);
        let usage = if self.random.one_in(3) { "null".to_owned() } else { self.usage() };
        format!(
            r#"{{"id":"{id}","object":"thread.run","thread_id":"{thread}","status":"{state}","usage":{usage}}}"#
        )
    }
}
