//! Shared by programs around the tests: the fixture of a function that runs as a process.

pub mod fixture;
pub mod http;
pub mod runtime_api;
