//! Lanyard from the outside: every route, race and fault, in process, against a scripted Azure.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and so do its helpers"
)]

#[path = "../support/mod.rs"]
mod support;

mod added_fields;
mod admin;
mod audio;
mod bad_input;
mod bug_reports;
mod by_model;
mod capacity;
mod chat_completions;
mod clear_objects;
mod compact;
mod completions;
mod containers;
mod conversations;
mod credentials;
mod cut_streams;
mod cycles;
mod doctor;
mod documentation;
mod embeddings;
mod errors;
mod event;
mod faults;
mod files;
mod functions;
mod hours;
mod identity;
mod images;
mod in_band;
mod jobs;
mod keys;
mod ledger;
mod limits;
mod local_engine;
mod lowered_budgets;
mod lowered_caps;
mod messages;
mod models;
mod moderations;
mod money;
mod objects;
mod openapi;
mod operations;
mod overshoot;
mod own_deployments;
mod pages;
mod paths;
mod presets;
mod processes;
mod races;
mod rate;
mod recording;
mod refusal_shapes;
mod refusals;
mod register;
mod replicas;
mod request_log;
mod responses;
mod roster;
mod runtime;
mod sessions;
mod shards;
mod stateless;
mod store_faults;
mod streams;
mod supply_chain;
mod sweep;
mod template;
mod template_calls;
mod tokens;
mod tools;
mod unreadable;
mod vector_stores;
mod window;
