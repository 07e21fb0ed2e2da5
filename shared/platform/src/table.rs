//! The single table and its items.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `CODE#<code>` | `CODE` | the event of a code |
//! | `EVENT#<id>` | `EVENT` | an event's settings |
//! | `EVENT#<id>` | `ACCOUNT` | the event's account |
//! | `EVENT#<id>` | `ATTENDEE#<user>` | an attendee's account |
//! | `EVENT#<id>` | `HOUR#<utc hour>#<model>` | counters for charts; `-` where no model was chosen |
//! | `EVENT#<id>#<shard>` | `ACCOUNT` | a shard of the event's account, from the second on |
//! | `EVENT#<id>#<shard>` | `HOUR#<utc hour>#<model>` | counters of the requests that the shard admitted |
//! | `EVENT#<id>` | `AUDIT#<instant>#<id>` | an audit entry |
//! | `ORGANISER#<id>` | `EVENT#<id>` | an organiser's events |
//! | `ORGANISER#<id>` | `DEPLOYMENT#<name>#<replica>` | an organiser's deployments |
//! | `ORGANISER#<id>` | `TOKEN#<token id>` | an organiser's token, without the token |
//! | `ORGANISER#<id>` | `AUDIT#<instant>#<id>` | an audit entry about deployments or tokens |
//! | `TOKEN#<sha-256>` | `TOKEN` | the organiser of a token |
//! | `SWEEP` | `EVENT#<id>` | an event that the sweep checks |
//! | `REQUEST#<event id>#<user>` | `<request id>` | a usage record, with its rating |
//! | `REQUEST#<request id>` | `REQUEST` | the same, of an earlier release |
//! | `EVENT#<id>` | `SESSION#<session>#<user>#<request id>` | a request in the session that its client named |
//! | `EVENT#<id>` | `ISSUED#<token id>` | a signed token that was issued, without the token |
//! | `RATING#<event id>` | `<instant>#<request id>` | a rating, for reports |
//! | `CLAIM#<event id>` | `<user>` | the claim of a user id, with a hash of the proof |
//! | `OWN#<event id>#<user>` | `DEPLOYMENT#<name>#<replica>` | a deployment that only one attendee uses |
//! | `OBJECTS#<event id>` | `<user>#<kind>#<upstream id>` | the owner of an object stored upstream |
//! | `JOBS` | `EVENT#<id>#<user>#<kind>#<upstream id>` | a run or video that is not known to have ended |
//! | `MARKS` | `EVENT#<id>` | an event that may have such objects, and their endpoints |

mod item;
mod key;
mod partition;
mod writes;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use lanyard_gateway::ports::Cause;

pub use self::item::{
    Item, SCHEMA, get_document, get_number, get_text, get_wide_number, number, place, put_document,
    readable, text, whole_number,
};
pub use self::key::{
    ATTENDEE_PREFIX, AUDIT_PREFIX, DEPLOYMENT_PREFIX, HOUR_PREFIX, ISSUED_PREFIX, Key, NO_MODEL,
    SESSION_PREFIX, TOKEN_PREFIX, objects_prefix, session_prefix, user_of,
};
pub use self::partition::{
    EVENT_PREFIX, Partition, event_pk, objects_pk, organiser_pk, own_pk, rating_pk, records_pk,
    shard_pk,
};
pub use self::writes::Access;
use self::writes::Writes;

/// The table and its client.
#[derive(Clone, Debug)]
pub struct Table {
    /// The client, which retries.
    pub client: Client,
    /// The table's name.
    pub name: String,
    writes: Arc<Writes>,
}

impl Table {
    /// A table by a client with these settings.
    #[must_use]
    pub fn new(config: Builder, access: Access, name: String) -> Self {
        let config = access.of_client(config).build();
        let writes = Arc::new(Writes::new(&config, access));
        Self { client: Client::from_conf(config), name, writes }
    }

    /// The same table by a client with another HTTP client, other timeouts or interceptors. Region,
    /// endpoint and credentials stay.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(Builder) -> Builder) -> Self {
        let config = change(self.client.config().to_builder());
        Self::new(config, self.writes.access.clone(), self.name.clone())
    }

    /// Updates an item in one try. A repeated write may count twice, and only the ledger knows
    /// which writes may be repeated.
    ///
    /// # Errors
    ///
    /// If DynamoDB rejects the write or does not respond; then it may have been made.
    pub(crate) async fn update_once(
        &self,
        call: UpdateItemInputBuilder,
    ) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
        self.writes.update_item(call.table_name(&self.name)).await
    }

    /// Puts an item in one try, for the same reason.
    ///
    /// # Errors
    ///
    /// If DynamoDB rejects the write or does not respond; then it may have been made.
    pub(crate) async fn put_once(
        &self,
        call: PutItemInputBuilder,
    ) -> Result<PutItemOutput, SdkError<PutItemError>> {
        self.writes.put_item(call.table_name(&self.name)).await
    }

    /// A query for the items of a partition whose sort keys have a prefix.
    pub(crate) fn below(&self, pk: String, prefix: &str) -> QueryFluentBuilder {
        self.in_partition(pk)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", text(prefix))
    }

    /// A query for the items of a partition.
    pub(crate) fn in_partition(&self, pk: String) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(pk))
    }
}

/// Creates the table unless it exists. For engines that start empty.
///
/// `attributes` and `keys` are pairs of a name and DynamoDB's type or role of it.
///
/// # Errors
///
/// If the engine does not respond or rejects the definition.
pub async fn create(
    table: &Table,
    attributes: &[(String, String)],
    keys: &[(String, String)],
) -> Result<(), Cause> {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement};
    let mut request = table
        .client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in attributes {
        let definition = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(kind.as_str().into())
            .build()?;
        request = request.attribute_definitions(definition);
    }
    for (name, role) in keys {
        let element = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(role.as_str().into())
            .build()?;
        request = request.key_schema(element);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(refused) if refused.is_resource_in_use_exception() => Ok(()),
            _ => Err(error.into()),
        },
    }
}
