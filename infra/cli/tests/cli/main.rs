//! Runs `lanyard` as a process against a local service.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and so do its helpers"
)]

mod attendees;
mod deploy;
mod deployments;
mod destroy;
mod documented;
mod events;
mod everything;
mod exits;
mod handouts;
mod profiles;
mod session;
mod settings;
mod support;
