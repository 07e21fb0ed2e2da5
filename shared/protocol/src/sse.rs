//! Server-sent events, found in a stream however its bytes are cut.
//!
//! The scanner splits a stream into frames at blank lines (LF, CRLF or CR), passes each frame on as
//! the bytes in which it came.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::Finder;
use serde::de::IgnoredAny;

/// The longest frame that is waited for, in bytes. Ten megapixels as text are less, and so is a
/// response in one frame: its text, the arguments of its tools, its audio or its log probabilities.
pub const LONGEST_FRAME: usize = 32 * 1024 * 1024;

/// One frame with its blank line, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame(pub Bytes);

/// A frame is longer than what is waited for.
#[derive(Debug, PartialEq, Eq)]
pub struct FrameTooLong;

/// Collects bytes and gives frames.
#[derive(Debug)]
pub struct Scanner {
    longest: usize,
    /// The last bytes, as they came: frames are cut from it without a copy.
    latest: Bytes,
    /// The bytes before them, which end no frame. While there is any, `latest` is empty.
    pending: BytesMut,
    /// The length of the bytes without a frame end.
    searched: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::for_frames_of(LONGEST_FRAME)
    }
}

impl Scanner {
    /// A scanner that waits for frames of at most so many bytes.
    #[must_use]
    pub fn for_frames_of(longest: usize) -> Self {
        Self { longest, latest: Bytes::new(), pending: BytesMut::new(), searched: 0 }
    }

    /// Adds what came.
    pub fn push(&mut self, chunk: Bytes) {
        if self.pending.is_empty() && self.latest.is_empty() {
            self.latest = chunk;
        } else {
            self.pending.extend_from_slice(&std::mem::take(&mut self.latest));
            self.pending.extend_from_slice(&chunk);
        }
    }

    /// The next complete frame, if it has arrived.
    ///
    /// # Errors
    ///
    /// [`FrameTooLong`] once too much has come without a frame's end.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameTooLong> {
        let is_whole = self.pending.is_empty();
        let come = if is_whole { &self.latest[..] } else { &self.pending[..] };
        match frame_end(come, self.searched) {
            Some(end) => {
                self.searched = 0;
                Ok(Some(Frame(match is_whole {
                    true => self.latest.split_to(end),
                    false => self.pending.split_to(end).freeze(),
                })))
            }
            None if come.len() > self.longest => Err(FrameTooLong),
            None => {
                // A blank line is at most four bytes, so only its beginning can be pending.
                self.searched = come.len().saturating_sub(3);
                Ok(None)
            }
        }
    }

    /// The rest when the stream has ended without a blank line.
    pub fn finish(&mut self) -> Option<Frame> {
        self.searched = 0;
        let rest = match self.pending.is_empty() {
            true => std::mem::take(&mut self.latest),
            false => self.pending.split().freeze(),
        };
        rest.has_remaining().then_some(Frame(rest))
    }
}

/// The index after the first blank line.
///
/// A CR may be half of a CRLF of which the LF has not come yet; such an end is waited for, so
/// that a frame never begins with the LF of the one before.
fn frame_end(bytes: &[u8], from: usize) -> Option<usize> {
    let line_end = |at: usize| match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(2),
        (Some(b'\r'), Some(_)) | (Some(b'\n'), _) => Some(1),
        _ => None,
    };
    let mut at = from;
    loop {
        at += memchr::memchr2(b'\r', b'\n', bytes.get(at..)?)?;
        // A search that resumes inside a CRLF must not read its LF as a separate line.
        if at > 0
            && at == from
            && bytes.get(at) == Some(&b'\n')
            && bytes.get(at - 1) == Some(&b'\r')
        {
            at -= 1;
        }
        let after = at + line_end(at)?;
        match line_end(after) {
            Some(blank) => return Some(after + blank),
            None if after >= bytes.len() => return None,
            None if bytes.get(after) == Some(&b'\r') => return None,
            None => at = after,
        }
    }
}

impl Frame {
    /// Its lines; the LF of a CRLF begins an empty one.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let text = self.0.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.0);
        let ends = memchr::memchr2_iter(b'\n', b'\r', text).chain([text.len()]);
        let mut from = 0;
        ends.map(move |end| {
            let line = text.get(from..end).unwrap_or_default();
            from = end + 1;
            line
        })
    }

    /// The last frame of a stream, which may lack its blank line: something may follow it. `None` if
    /// it was cut, so that a client could not read it.
    #[must_use]
    pub fn ended(self) -> Option<Self> {
        let frame = self.of_document();
        let data = frame.data();
        let is_comment = frame.lines().all(|line| line.is_empty() || line.starts_with(b":"));
        // Some servers write their errors as plain text.
        let is_sentence = frame.is_named_error() && !data.is_empty() && !data.contains(&b'{');
        let is_read = is_comment || data == b"[DONE]" || is_sentence;
        if !is_read && serde_json::from_slice::<IgnoredAny>(&data).is_err() {
            return None;
        }
        if frame_end(&frame.0, 0).is_some() {
            return Some(frame);
        }
        Some(Self([frame.0.as_ref(), b"\n\n"].concat().into()))
    }

    /// A JSON document that came where events were expected, as an event. Some servers send their
    /// errors so.
    #[must_use]
    pub fn of_document(self) -> Self {
        let text = self.0.trim_ascii();
        if !text.starts_with(b"{") {
            return self;
        }
        let mut event = b"data: ".to_vec();
        event.extend(text.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
        event.extend_from_slice(b"\n\n");
        Self(event.into())
    }

    /// Whether a field has a value. A usage of `null`, which most chunks have, is none.
    pub(crate) fn has_value(&self, field: &Finder<'_>) -> bool {
        let mut rest = &self.0[..];
        while let Some(at) = field.find(rest) {
            rest = rest.get(at + field.needle().len()..).unwrap_or_default();
            let value = rest.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b':');
            if value.is_none_or(|value| !rest[value..].starts_with(b"null")) {
                return true;
            }
        }
        false
    }

    /// The name of the event, where a line gives one.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        let value = self.lines().filter_map(|line| line.strip_prefix(b"event:")).last()?;
        std::str::from_utf8(value).ok().map(|value| value.strip_prefix(' ').unwrap_or(value))
    }

    /// The same event with other data, a JSON document.
    #[must_use]
    pub fn with_data(&self, data: &str) -> Self {
        let name = self.event().map(|name| format!("event: {name}\n")).unwrap_or_default();
        let data = data.replace(['\n', '\r'], "");
        Self(format!("{name}data: {data}\n\n").into())
    }

    /// Whether the event is called an error.
    #[must_use]
    pub fn is_named_error(&self) -> bool {
        self.event().is_some_and(|name| name.trim_ascii() == "error")
    }

    /// The payload of the frame's `data` lines, joined as the standard requires. Empty for
    /// comments.
    #[must_use]
    pub fn data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.0.len());
        let mut is_first = true;
        for line in self.lines() {
            let Some(value) = line.strip_prefix(b"data").and_then(|rest| match rest {
                [] => Some(rest),
                [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
                _ => None,
            }) else {
                continue;
            };
            if !std::mem::take(&mut is_first) {
                data.push(b'\n');
            }
            data.extend_from_slice(value);
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(chunks: &[&[u8]]) -> Vec<String> {
        let mut scanner = Scanner::default();
        let mut frames = Vec::new();
        for chunk in chunks {
            scanner.push(Bytes::copy_from_slice(chunk));
            while let Some(frame) = scanner.next_frame().unwrap() {
                frames.push(String::from_utf8_lossy(&frame.0).into_owned());
            }
        }
        frames.extend(scanner.finish().map(|frame| String::from_utf8_lossy(&frame.0).into_owned()));
        frames
    }

    #[test]
    fn frames_end_at_blank_lines_of_any_kind() {
        assert_eq!(
            frames(&[b"data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d"]),
            ["data: a\n\n", "data: b\r\n\r\n", "data: c\r\r", "data: d",]
        );
    }

    #[test]
    fn data_lines_are_joined_and_comments_are_none() {
        let data = |text: &'static str| String::from_utf8(Frame(Bytes::from(text)).data()).unwrap();
        assert_eq!(data("event: x\ndata: {\"a\":\ndata:1}\n\n"), "{\"a\":\n1}");
        assert_eq!(data(": ping\n\n"), "");
        assert_eq!(data("\u{feff}data: x\r\n\r\n"), "x");
        assert_eq!(data("database: x\n\n"), "");
    }

    #[test]
    fn the_last_frame_is_ended_unless_it_was_cut() {
        let ended = |text: &'static str| Frame(Bytes::from(text)).ended().map(|frame| frame.0);
        assert_eq!(ended("data: [DONE]").unwrap(), "data: [DONE]\n\n");
        assert_eq!(ended("event: x\ndata: {}\n").unwrap(), "event: x\ndata: {}\n\n\n");
        assert_eq!(ended("data: {}\r\n\r\n").unwrap(), "data: {}\r\n\r\n");
        assert_eq!(ended(": ping").unwrap(), ": ping\n\n");
        assert_eq!(ended("{\"a\":\n1}").unwrap(), "data: {\"a\":1}\n\n");
        assert_eq!(ended("event: error\ndata: Busy").unwrap(), "event: error\ndata: Busy\n\n");
        for cut in [
            "data: {\"a\":",
            "data: xxx",
            "{\"a\"",
            "data: [DO",
            "event: x",
            "event: x\n",
            "event: x\ndata:",
            "event: content_blo",
            "dat",
            "event: error",
            "event: error\ndata:",
            "event: error\ndata: {",
            "event: error\ndata: {\"type\":\"er",
        ] {
            assert_eq!(ended(cut), None, "{cut}");
        }
    }

    #[test]
    fn a_document_instead_of_events_becomes_one() {
        let event = |text: &'static str| Frame(Bytes::from(text)).of_document();
        let document = "{\r\n  \"error\": {}\n}\n\n";
        assert_eq!(event(document).0, "data: {  \"error\": {}}\n\n");
        for text in ["data: {}\n\n", ": ping\n\n", ""] {
            assert_eq!(event(text).0, text);
        }
    }

    #[test]
    fn an_endless_frame_is_cut() {
        let mut scanner = Scanner::default();
        scanner.push(vec![b'x'; LONGEST_FRAME + 1].into());
        assert_eq!(scanner.next_frame(), Err(FrameTooLong));
    }

    proptest! {
        #[test]
        fn the_same_frames_however_the_bytes_are_cut(
            bodies in prop::collection::vec("[a-zé{}:\" ]{0,12}", 1..8),
            ends in prop::collection::vec(0usize..3, 8),
            cuts in prop::collection::vec(any::<usize>(), 0..12),
        ) {
            let mut stream = Vec::new();
            for (body, end) in bodies.iter().zip(&ends) {
                let end = ["\n", "\r\n", "\r"][*end];
                stream.extend_from_slice(format!("data: {body}{end}{end}").as_bytes());
            }
            // A lone CR at the end may be half of a CRLF: close with a comment.
            stream.extend_from_slice(b": end\n\n");
            let whole = frames(&[&stream]);
            prop_assert_eq!(whole.len(), bodies.len() + 1);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % stream.len()).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(frames(&chunks), whole.clone());
            let single: Vec<&[u8]> = stream.chunks(1).collect();
            prop_assert_eq!(frames(&single), whole);
        }
    }
}
