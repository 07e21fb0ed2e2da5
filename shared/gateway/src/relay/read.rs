//! Reading a response's body within the function's time.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::call::LONGEST_RUN;
use crate::error::ApiError;
use crate::ports::{Cause, UpstreamBody};
use crate::request::skip_mark;

/// The largest response that is buffered: 2,048 embeddings of 3,072 numbers as text are less.
const LARGEST_BUFFERED: usize = 96 * 1024 * 1024;

/// The next piece of a response.
#[derive(Debug)]
pub enum Next {
    /// Some bytes.
    Chunk(Bytes),
    /// The body has ended.
    End,
    /// The body broke off.
    Broken(ApiError),
}

/// Waits for the next piece, within the function's time. A model may think for minutes, so silence
/// has no other limit.
pub async fn next_chunk(body: &mut UpstreamBody, until: Option<Instant>) -> Next {
    let until = until.unwrap_or_else(|| Instant::now() + LONGEST_RUN);
    match tokio::time::timeout_at(until, body.next()).await {
        Ok(next) => next.into(),
        Err(_) => Next::Broken(ApiError::UpstreamTimeout),
    }
}

impl From<Option<Result<Bytes, Cause>>> for Next {
    fn from(next: Option<Result<Bytes, Cause>>) -> Self {
        match next {
            Some(Ok(chunk)) => Self::Chunk(chunk),
            Some(Err(cause)) => Self::Broken(ApiError::UpstreamBroken(Some(cause))),
            None => Self::End,
        }
    }
}

/// Reads a body to its end.
///
/// # Errors
///
/// 502 or 504 if it breaks off, takes too long or is too large.
pub async fn read_whole(mut body: UpstreamBody, until: Option<Instant>) -> Result<Bytes, ApiError> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let chunk = match next_chunk(&mut body, until).await {
            Next::Chunk(chunk) => chunk,
            Next::Broken(error) => return Err(error),
            // Most responses arrive in one piece, which is passed on without a copy.
            Next::End => {
                let mut whole =
                    if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() };
                skip_mark(&mut whole);
                return Ok(whole);
            }
        };
        match &first {
            None => first = Some(chunk),
            Some(begin) => {
                if rest.is_empty() {
                    rest.extend_from_slice(begin);
                }
                rest.extend_from_slice(&chunk);
            }
        }
        if rest.len() > LARGEST_BUFFERED
            || first.as_ref().is_some_and(|f| f.len() > LARGEST_BUFFERED)
        {
            return Err(ApiError::UpstreamBroken(Some("the response is too large".into())));
        }
    }
}
