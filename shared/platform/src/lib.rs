//! The world: Lambda, DynamoDB, Parameter Store and Azure.
//!
//! The only crate that names AWS. It moves data and translates errors; it decides nothing.

pub mod azure;
pub mod clients;
pub mod credentials;
pub mod event_store;
pub mod https;
pub mod identity;
pub mod keys;
pub mod lambda;
pub mod ledger;
pub mod objects;
pub mod organisers;
pub mod people;
pub mod settings;
pub mod shell;
pub mod table;
pub mod telemetry;
