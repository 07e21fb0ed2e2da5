//! The rules of Lanyard.
//!
//! This crate decides who an attendee is, whether an event is open, and how much a request may use.
//! It also decides whether an account has room for the request, and what is left after the
//! response. It has no `async`, no clock, no environment and no network. A rule that needs the time
//! takes `now`. A rule that needs randomness takes a number.

pub mod access;
pub mod account;
pub mod admission;
pub mod affinity;
pub mod allowance;
pub mod amount;
pub mod bill;
pub mod by_model;
pub mod catalog;
pub mod credential;
mod dated;
pub mod estimate;
pub mod event;
pub mod hosted_tools;
pub mod hour;
pub mod ids;
pub mod images;
pub mod instant;
pub mod left;
pub mod limit;
pub mod model_warnings;
pub mod models;
pub mod money;
mod named;
pub mod object;
pub mod operation;
pub mod prices;
pub mod reconcile;
pub mod reset;
#[cfg(feature = "schema")]
mod schema;
pub mod settlement;
pub mod shard;
mod text;
pub mod time;
pub mod token;
pub mod tool_calls;
pub mod transliteration;
pub mod unit;
pub mod usage;
pub mod window;
pub mod zone;

#[cfg(test)]
mod promises;
