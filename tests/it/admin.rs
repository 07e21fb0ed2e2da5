//! The organisers' API, over the embedded engine.

mod attendees;
mod deployments;
mod desk;
mod doors;
mod events;
mod grants;
mod invocation;
mod moves;
mod people;
