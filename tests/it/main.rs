//! Lanyard from the outside: every route, race and fault, in process, against a scripted Azure.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and so do its helpers"
)]

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod bad_input;
mod chat_completions;
mod clear_objects;
mod conversations;
mod credentials;
mod embeddings;
mod errors;
mod event;
mod faults;
mod files;
mod jobs;
mod ledger;
mod models;
mod objects;
mod paths;
mod processes;
mod races;
mod responses;
mod store_faults;
mod streams;
mod sweep;
mod vector_stores;
mod window;
