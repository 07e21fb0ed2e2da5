//! The IO of Lanyard: Lambda, DynamoDB, Parameter Store and Azure.
//!
//! This is the only crate that names AWS. It moves data and translates errors. It makes no
//! decisions.

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
