//! A script whose replies a seed decides: correct ones, malformed ones, refusals, broken streams and
//! silence, each after a random time.

mod stored;

pub use self::stored::id_prefix;

use std::sync::Arc;
use std::time::Duration;

use super::{Recorded, Reply};
use crate::testing::SeededRandom;

/// A script of random replies.
pub fn random_replies(
    random: Arc<SeededRandom>,
) -> impl Fn(&Recorded) -> Reply + Send + Sync + 'static {
    let azure = RandomAzure { random };
    move |request| azure.reply(request)
}

struct RandomAzure {
    random: Arc<SeededRandom>,
}

impl RandomAzure {
    fn reply(&self, request: &Recorded) -> Reply {
        let delay = Duration::from_millis(self.random.below(3_000));
        let (url, is_streamed) = (request.target.as_str(), request.is_streamed());
        let status = match self.random.below(20) {
            0 => 429,
            1 => 500,
            2 => 400,
            3 => return Reply::not_connected().delay(delay),
            4 => return Reply::hang().delay(delay),
            5 => return Reply::dropped().delay(delay),
            _ => 200,
        };
        let pieces = self.pieces(url, is_streamed && status == 200);
        let content_type = match is_streamed {
            true => "text/event-stream",
            false if url.contains("/speech") && self.random.one_in(9) => "text/html",
            false if url.contains("/speech") => "audio/mpeg",
            false if url.contains("/audio/") && self.random.one_in(3) => "text/plain",
            false => "application/json",
        };
        let random = Arc::clone(&self.random);
        let arriving = pieces.iter().map_while(Clone::clone);
        let reply = Reply::json(status, "")
            .header("content-type", content_type)
            .delay(delay)
            .pieces(arriving)
            .paced(move |_| Duration::from_millis(random.below(1_000)));
        match pieces.iter().position(Option::is_none) {
            Some(end) => reply.close_after(end),
            None => reply,
        }
    }

    fn usage(&self) -> String {
        let (prompt, completion) = (self.random.below(200), self.random.below(2_000));
        format!(r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion}}}"#)
    }

    /// A buffered response to a call of this address.
    fn buffered(&self, url: &str) -> String {
        let some = self.random.below(5);
        match self.random.below(10) {
            0 => "<html>".to_owned(),
            1 => r#"{"choices":[]}"#.to_owned(),
            2 => r#"{"choices":[],"usage":{"prompt_tokens":-1}}"#.to_owned(),
            _ if url.contains("/images/") => {
                let data = vec!["{}"; usize::try_from(some).unwrap_or_default()].join(",");
                format!(r#"{{"data":[{data}],"usage":{}}}"#, self.usage())
            }
            3 if url.contains("/audio/tr") => r#"{"text":"a","duration":-3}"#.to_owned(),
            4 if url.contains("/audio/tr") => format!(r#"{{"text":"a","usage":{}}}"#, self.usage()),
            _ if url.contains("/audio/tr") => format!(r#"{{"text":"a","duration":{some}.5}}"#),
            _ => format!(r#"{{"choices":[],"usage":{}}}"#, self.usage()),
        }
    }

    /// The events of a stream without chat chunks; a break is `None`.
    fn events(&self, url: &str) -> Vec<Option<String>> {
        let (part, last) = match url {
            url if url.contains("/images/") => {
                ("image_generation.partial_image", "image_generation.completed")
            }
            url if url.contains("/speech") => ("speech.audio.delta", "speech.audio.done"),
            _ => ("transcript.text.delta", "transcript.text.done"),
        };
        let parts =
            (0..self.random.below(5)).map(|_| Some(format!("data: {{\"type\":\"{part}\"}}\n\n")));
        let mut events: Vec<_> = parts.collect();
        events.push(
            (!self.random.one_in(5))
                .then(|| format!("data: {{\"type\":\"{last}\",\"usage\":{}}}\n\n", self.usage())),
        );
        events
    }

    /// The pieces of a response; a break is `None`.
    fn pieces(&self, url: &str, is_streamed: bool) -> Vec<Option<String>> {
        if !is_streamed && url.contains("/speech") {
            let mut pieces: Vec<_> =
                (0..self.random.below(4)).map(|_| Some("audio".to_owned())).collect();
            pieces.extend(self.random.one_in(5).then_some(None));
            return pieces;
        }
        // That of a file in a vector store is JSON.
        if url.contains("/content") && !url.contains("/vector_stores/") {
            let second = (!self.random.one_in(5)).then(|| "bytes".to_owned());
            return vec![Some("bytes".to_owned()), second];
        }
        if !is_streamed {
            return vec![Some(self.stored(url).unwrap_or_else(|| self.buffered(url)))];
        }
        if let Some(events) = self.stored_events(url) {
            return events;
        }
        if !url.ends_with("completions") {
            return self.events(url);
        }
        let mut pieces =
            vec![Some("data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n".to_owned())];
        for _ in 0..self.random.below(12) {
            pieces
                .push(Some("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".to_owned()));
        }
        if self.random.one_in(6) {
            pieces.push(None);
        } else {
            if !self.random.one_in(8) {
                let usage = self.usage();
                pieces.push(Some(format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\n")));
            }
            pieces.push(Some("data: [DONE]\n\n".to_owned()));
        }
        pieces
    }
}
