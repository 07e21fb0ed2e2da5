//! The wire formats of the proxied operations: what a body may say, what it may cost, how Azure
//! gets it, and what Azure's response means.
//!
//! [`Protocol::of`] is the place to start. It leads from an operation to its [`Protocol`], a value
//! that says all about its format; each has a file of its own, named after the operation. The other
//! files are what several protocols share. All are functions from bytes to values, without `async`,
//! IO or a clock.

pub mod assistants;
mod chat;
mod chunk;
mod completion;
mod completions;
pub mod conversations;
pub mod demand;
mod embeddings;
pub mod error;
mod estimate;
mod fields;
pub mod files;
mod images;
mod items;
mod json;
mod moderations;
mod multipart;
mod names;
pub mod payload;
mod protocol;
mod recording;
pub mod references;
pub mod refusal;
pub mod response;
mod responses;
mod speech;
pub mod sse;
pub mod stored;
pub mod stream;
pub mod threads;
mod transcription;
mod tree;
mod url;
pub mod usage;
mod vector_stores;
pub mod videos;
mod write;

pub use protocol::{BodyEncoding, Placement, Protocol};
