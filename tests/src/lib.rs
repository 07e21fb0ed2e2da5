//! What programs around the tests share: the world that a function needs when it runs as a process.

pub mod http;
pub mod runtime_api;
pub mod stage;
