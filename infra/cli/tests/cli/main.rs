//! `lanyard` as an organiser runs it: a process against the local service.

mod attendees;
mod deployments;
mod events;
mod exits;
mod paper;
mod profiles;
mod readme;
mod support;
