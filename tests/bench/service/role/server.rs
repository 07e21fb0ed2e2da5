//! The server in front of what is measured without the local service: the same for all of it.

pub(super) use lanyard_local::loopback::start as serve;
