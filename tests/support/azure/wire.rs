//! Reads requests from a socket and writes replies to it, byte for byte as scripted.

use std::io;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tokio::net::TcpStream;

use super::gate::Wait;
use super::reply::{Fault, Framing, Reply};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// The method.
    pub(crate) method: Method,
    /// The path and the query, as sent.
    pub(crate) target: String,
    /// The headers, in lower case.
    pub(crate) headers: HeaderMap,
    /// The body, without its chunks' marks.
    pub(crate) body: Bytes,
}

impl Recorded {
    /// The path alone.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first header of this name, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; `null` if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the client wants the connection closed after the answer.
    pub(super) fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn head(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let method = words.next()?.parse().ok()?;
        let target = words.next()?.to_owned();
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let mut recorded = Self { method, target, headers: HeaderMap::new(), body: Bytes::new() };
        for (name, value) in headers {
            recorded.headers.append(name, value);
        }
        Some(recorded)
    }
}

/// How an answer ended.
pub(super) enum Outcome {
    /// As scripted.
    Complete,
    /// As scripted, with a reset that is still to be sent.
    Reset,
    /// The client left before the end.
    Abandoned,
}

/// One connection, with what was read of it and not used yet.
pub(super) struct Connection {
    stream: TcpStream,
    unread: BytesMut,
}

impl Connection {
    /// A connection on which small pieces leave at once.
    pub(super) fn new(stream: TcpStream) -> Self {
        // Without it two pieces may arrive as one, which is harmless.
        let _ = stream.set_nodelay(true);
        Self { stream, unread: BytesMut::new() }
    }

    /// The next request; `None` when the client has no more.
    pub(super) async fn request(&mut self) -> io::Result<Option<Recorded>> {
        let Some(head) = self.until(b"\r\n\r\n").await? else {
            return Ok(None);
        };
        let Some(mut request) = Recorded::head(&String::from_utf8_lossy(&head)) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        let body = if request.headers.contains_key(header::TRANSFER_ENCODING) {
            self.chunks().await?
        } else {
            self.exactly(length.unwrap_or(0)).await?
        };
        request.body = body;
        Ok(Some(request))
    }

    /// Writes a reply, or leaves off where the script or the client says so.
    pub(super) async fn answer(&mut self, reply: &Reply) -> Outcome {
        self.play(reply).await.unwrap_or(Outcome::Abandoned)
    }

    /// Ends the connection with a reset.
    pub(super) fn reset(self) {
        // A reset is what closing a socket that may not linger sends.
        let _ = self.stream.set_zero_linger();
    }

    async fn play(&mut self, reply: &Reply) -> io::Result<Outcome> {
        self.wait(&reply.before_headers).await?;
        if let Some(fault) = reply.fault(None) {
            return self.fail(fault).await;
        }
        self.write(head(reply).as_bytes()).await?;

        let is_chunked = reply.framing == Framing::Chunked;
        for (sent, piece) in reply.body().enumerate() {
            if let Some(fault) = reply.fault(Some(sent)) {
                return self.fail(fault).await;
            }
            self.wait(&reply.before_piece).await?;
            if is_chunked && !piece.is_empty() {
                self.write(&chunk(&piece)).await?;
            } else {
                self.write(&piece).await?;
            }
        }
        // A cut past the last piece still withholds the end.
        if let Some(cut) = reply.cut {
            return self.fail(cut.fault).await;
        }
        if is_chunked {
            self.write(b"0\r\n\r\n").await?;
        }
        Ok(Outcome::Complete)
    }

    async fn fail(&mut self, fault: Fault) -> io::Result<Outcome> {
        match fault {
            Fault::Close => Ok(Outcome::Complete),
            Fault::Reset => Ok(Outcome::Reset),
            Fault::Hang => {
                self.gone().await;
                Ok(Outcome::Abandoned)
            }
        }
    }

    /// Waits, unless the client leaves first.
    async fn wait(&mut self, wait: &Wait) -> io::Result<()> {
        tokio::select! {
            biased;
            () = wait.pass() => Ok(()),
            () = self.gone() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// Returns when the client has closed its side.
    async fn gone(&mut self) {
        while let Ok(true) = self.fill().await {}
    }

    /// What comes up to and with the mark; `None` when the connection ends before it.
    async fn until(&mut self, mark: &[u8]) -> io::Result<Option<Bytes>> {
        loop {
            let found = self.unread.windows(mark.len()).position(|window| window == mark);
            if let Some(start) = found {
                return Ok(Some(self.unread.split_to(start + mark.len()).freeze()));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Bytes> {
        while self.unread.len() < length {
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.unread.split_to(length).freeze())
    }

    async fn chunks(&mut self) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let line = self.until(b"\r\n").await?.unwrap_or_default();
            let digits = String::from_utf8_lossy(&line);
            let Ok(length) = usize::from_str_radix(digits.trim(), 16) else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let chunk = self.exactly(length + 2).await?;
            if length == 0 {
                return Ok(body.freeze());
            }
            body.extend_from_slice(&chunk[..length]);
        }
    }

    /// Reads some more; false when the client has closed its side.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 8 * 1024];
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.unread.extend_from_slice(&buffer[..read]);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes all of it.
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What was read and not used yet.
    #[cfg(test)]
    pub(super) fn unread(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }
}

fn head(reply: &Reply) -> String {
    let status = StatusCode::from_u16(reply.status).ok();
    let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("Scripted");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", reply.status);
    let mut line = |name: &str, value: &str| head.extend([name, ": ", value, "\r\n"]);
    for (name, value) in &reply.headers {
        line(name, value);
    }
    match reply.framing {
        Framing::Length => line("content-length", &reply.length().to_string()),
        Framing::Claimed(length) => line("content-length", &length.to_string()),
        Framing::Chunked => line("transfer-encoding", "chunked"),
        Framing::UntilClose => {}
    }
    if !reply.keeps_alive() {
        line("connection", "close");
    }
    head.push_str("\r\n");
    head
}

fn chunk(piece: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    chunk
}
