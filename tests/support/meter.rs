//! The capacity of calls to DynamoDB, as the engine reports it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use lanyard_platform::table::Table;

/// Counts the calls of a table's clients, and what they consumed. Clones are the same meter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<Reading>>);

/// A reading of a meter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Calls that were answered, whatever the response.
    pub(crate) calls: u64,
    /// Capacity units, of reads and of writes together; no number if a call does not report it.
    pub(crate) units: f64,
}

impl Meter {
    /// The table with this meter on its client.
    pub(super) fn table(&self, table: &Table) -> Table {
        table.with(|config| config.interceptor(self.clone()))
    }

    /// What was consumed since the last reading.
    pub(crate) fn read(&self) -> Reading {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let total = Some(ReturnConsumedCapacity::Total);
        let input = context.input_mut();
        if let Some(call) = input.downcast_mut::<UpdateItemInput>() {
            call.return_consumed_capacity = total;
        } else if let Some(call) = input.downcast_mut::<PutItemInput>() {
            call.return_consumed_capacity = total;
        } else if let Some(call) = input.downcast_mut::<GetItemInput>() {
            call.return_consumed_capacity = total;
        } else if let Some(call) = input.downcast_mut::<QueryInput>() {
            call.return_consumed_capacity = total;
        } else if let Some(call) = input.downcast_mut::<BatchGetItemInput>() {
            call.return_consumed_capacity = total;
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let units = match context.output_or_error() {
            Some(Ok(output)) => {
                let one = |consumed: Option<&ConsumedCapacity>| {
                    consumed.and_then(ConsumedCapacity::capacity_units)
                };
                if let Some(made) = output.downcast_ref::<UpdateItemOutput>() {
                    one(made.consumed_capacity())
                } else if let Some(made) = output.downcast_ref::<PutItemOutput>() {
                    one(made.consumed_capacity())
                } else if let Some(read) = output.downcast_ref::<GetItemOutput>() {
                    one(read.consumed_capacity())
                } else if let Some(read) = output.downcast_ref::<QueryOutput>() {
                    one(read.consumed_capacity())
                } else {
                    let read = output.downcast_ref::<BatchGetItemOutput>();
                    let each = |read: &BatchGetItemOutput| {
                        read.consumed_capacity().iter().filter_map(|each| one(Some(each))).sum()
                    };
                    read.map(each)
                }
            }
            // A condition that fails is charged like the write; the engine does not report how
            // much.
            Some(Err(_)) => Some(1.0),
            None => None,
        };
        let mut reading = self.lock();
        reading.calls += 1;
        reading.units += units.unwrap_or(f64::NAN);
        Ok(())
    }
}
