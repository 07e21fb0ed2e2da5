//! The one table of functions: what each does, what calls it, how it runs and what it may do.
//!
//! [`FUNCTIONS`] is the table. `cargo run -p xtask -- generate` writes from it what would repeat
//! it: the functions, roles and logs of `template.yaml`, the routes of `cargo lambda watch`, the
//! in-process dispatch and the sample events. No function depends on this crate.

mod function;
mod grants;
mod policies;
mod routes;
mod table;

pub use function::{Concurrency, Function, Handler, Sample, Schedule};
pub use grants::{AZURE_AUDIENCE, Grant, Target};
pub use policies::{PARTITIONS, Policy, Resource, SHARED, Statement};
pub use routes::{Route, Routes};
pub use table::FUNCTIONS;

/// The function of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}
