//! The fixtures of every test: a world with an event, attendees and a scripted Azure.

pub(crate) mod asking;
pub(crate) mod attendee;
pub(crate) mod azure;
pub(crate) mod builder;
pub(crate) mod canary;
pub(crate) mod described;
pub(crate) mod engine;
pub(crate) mod entra;
pub(crate) mod kept;
pub(crate) mod loopback;
pub(crate) mod meter;
pub(crate) mod people;
pub(crate) mod policed;
pub(crate) mod test_response;
pub(crate) mod truth;
pub(crate) mod world;

pub(crate) use azure::{Gate, LineEnding, Reply, ScriptedAzure, usual};
pub(crate) use test_response::{Stream, TestResponse};
pub(crate) use world::World;
