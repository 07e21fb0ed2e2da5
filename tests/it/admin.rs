//! The organisers' API, over the embedded engine.

mod attendee_models;
mod attendees;
mod deployments;
mod doors;
mod events;
mod grants;
mod harness;
mod invocation;
mod moves;
mod organiser_tokens;
mod people;
mod reset;
mod unreadable;
