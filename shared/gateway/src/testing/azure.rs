//! A scripted Azure. A script is a function from a request to a [`Reply`]: its status, headers and
//! body, what it waits for, and where it breaks off.
//!
//! Two transports play a reply. [`ScriptedUpstream`] is the gateway's port, without sockets, so it
//! also runs on virtual time. `tests/support/loopback` speaks HTTP/1.1 on a loopback port.

pub mod claude;
pub mod frames;
pub mod kept;
pub mod usual;

mod gate;
mod random;
mod reply;
mod request;
mod script;
mod upstream;

pub use self::gate::{Gate, Wait};
pub use self::random::{id_prefix, random_replies};
pub use self::reply::{
    AZURE_HEADERS, Body, Cut, Fault, Framing, LineEnding, Reply, UPSTREAM_REQUEST_ID,
};
pub use self::request::Recorded;
pub use self::script::Script;
pub use self::upstream::ScriptedUpstream;
