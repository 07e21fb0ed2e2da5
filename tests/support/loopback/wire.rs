//! Reads requests from a socket and writes replies to it, byte for byte as scripted.

use std::io;

use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use lanyard_gateway::testing::azure::{Fault, Framing, Recorded, Reply, Wait};
use tokio::net::TcpStream;

/// How a response ended.
pub(crate) enum Outcome {
    /// As scripted.
    Complete,
    /// As scripted, with a reset that is still to be sent.
    Reset,
    /// The client left before the end.
    Abandoned,
}

/// One connection, with what was read of it and not used yet.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was read and not used yet.
    pub(crate) unread: BytesMut,
}

impl Connection {
    /// A connection on which small pieces leave at once.
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Without it two pieces may arrive as one, which is harmless.
        let _ = stream.set_nodelay(true);
        Self { stream, unread: BytesMut::new() }
    }

    /// The next request; `None` when the client has no more.
    pub(crate) async fn request(&mut self) -> io::Result<Option<Recorded>> {
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

    /// Writes a reply, up to where the script breaks it off or the client leaves.
    pub(crate) async fn send(&mut self, reply: &Reply) -> Outcome {
        self.play(reply).await.unwrap_or(Outcome::Abandoned)
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        // A reset is what closing a socket that may not linger sends.
        let _ = self.stream.set_zero_linger();
    }

    async fn play(&mut self, reply: &Reply) -> io::Result<Outcome> {
        self.wait(&reply.before_headers, 0).await?;
        if let Some(fault) = reply.fault(None) {
            return self.fail(fault).await;
        }
        self.write(head(reply).as_bytes()).await?;

        let is_chunked = reply.framing == Framing::Chunked;
        for number in 0..reply.count() {
            if let Some(fault) = reply.fault(Some(number)) {
                return self.fail(fault).await;
            }
            self.wait(&reply.before_piece, number).await?;
            let piece = reply.piece(number);
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
            Fault::Reset | Fault::NotConnected | Fault::NoCredential => Ok(Outcome::Reset),
            Fault::Hang => {
                self.gone().await;
                Ok(Outcome::Abandoned)
            }
        }
    }

    /// Waits, unless the client leaves first.
    async fn wait(&mut self, wait: &Wait, number: usize) -> io::Result<()> {
        tokio::select! {
            biased;
            () = wait.pass(number) => Ok(()),
            () = self.gone() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// Returns when the client has closed its side.
    async fn gone(&mut self) {
        while let Ok(true) = self.fill().await {}
    }

    /// The bytes up to the mark, included; `None` when the connection ends before it.
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
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
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
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
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
