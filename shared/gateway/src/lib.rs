//! The life of one request.
//!
//! [`forward`] is the place to start: parse, look up, admit, select, send, relay, settle. This
//! crate knows HTTP and its [`ports`], never AWS.

pub mod admit;
pub mod answer;
pub mod call;
mod demand;
pub mod errands;
pub mod error;
pub mod forward;
mod gateway;
pub mod headers;
mod hex;
pub mod lookup;
pub mod memory;
pub mod notes;
pub mod parse;
pub mod people;
pub mod ports;
mod refusals;
pub mod relay;
pub mod request;
mod retry;
mod send;
pub mod settle;
pub mod signed;
pub mod stored;
pub mod sweep;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod upstream;

pub use error::ApiError;
pub use gateway::{Gateway, Ports};
pub use hex::hex;
pub use request::{Body, Request, Response};
