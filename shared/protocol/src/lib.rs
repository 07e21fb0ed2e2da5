//! The wire formats of the proxied operations: what a body may say, what it may cost, how Azure
//! gets it, and what Azure's answer means.
//!
//! Functions from bytes to values, without `async`, IO or a clock.

mod audio;
pub mod count;
pub mod error;
pub mod events;
pub mod films;
pub mod governed;
mod images;
mod json;
pub mod media;
mod multipart;
mod names;
pub mod payload;
mod prompts;
pub mod references;
mod responses;
pub mod runs;
mod seconds;
pub mod sse;
mod tree;
pub mod upstream;
mod write;
