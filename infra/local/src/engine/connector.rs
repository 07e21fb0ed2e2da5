//! The SDK's HTTP client over the engine's functions: requests of DynamoDB's protocol without HTTP.

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Mutex;

/// The protocol's prefix of an operation's name in `x-amz-target`.
const TARGET: &str = "DynamoDB_20120810.";

/// Calls a database that is open in this process. Clones call the same one.
#[derive(Clone)]
pub struct Connector {
    database: Database,
    /// The database is one mutex. Waiting for it here keeps the order of requests and occupies no
    /// thread.
    turn: Arc<Mutex<()>>,
    /// Calls that wait for no disk need no thread of their own.
    is_in_memory: bool,
}

impl Connector {
    /// A connector to this database, which is in memory or in a file.
    #[must_use]
    pub fn new(database: Database, is_in_memory: bool) -> Self {
        Self { database, turn: Arc::default(), is_in_memory }
    }

    /// The database as an HTTP client of the SDK.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// The database itself.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Answers one request: the value of `x-amz-target` and the JSON of the operation's input.
    pub async fn respond(&self, target: String, body: Bytes) -> Response<String> {
        let operation = target.strip_prefix(TARGET).unwrap_or_default();
        let answered = self.call(operation, &body).await;
        answered.map_or_else(|fault| error(&fault), |body| json_body(StatusCode::OK, body))
    }

    async fn call(&self, operation: &str, body: &[u8]) -> dynoxide::Result<String> {
        match operation {
            "BatchGetItem" => self.answer(body, Database::batch_get_item).await,
            "BatchWriteItem" => self.answer(body, Database::batch_write_item).await,
            "CreateTable" => self.answer(body, Database::create_table).await,
            "DeleteItem" => self.answer(body, Database::delete_item).await,
            "DescribeTable" => self.answer(body, Database::describe_table).await,
            "GetItem" => self.answer(body, Database::get_item).await,
            "PutItem" => self.answer(body, Database::put_item).await,
            "Query" => self.answer(body, Database::query).await,
            "Scan" => self.answer(body, Database::scan).await,
            "TransactGetItems" => self.answer(body, Database::transact_get_items).await,
            "TransactWriteItems" => self.answer(body, Database::transact_write_items).await,
            "UpdateItem" => self.answer(body, Database::update_item).await,
            "UpdateTimeToLive" => self.answer(body, Database::update_time_to_live).await,
            other => {
                let message = format!("the embedded engine does not serve {other:?}");
                Err(DynoxideError::ValidationException(message))
            }
        }
    }

    /// Makes a call in its turn. JSON is read before and written after it, so that others can have
    /// theirs.
    async fn answer<I, O>(
        &self,
        body: &[u8],
        operation: fn(&Database, I) -> dynoxide::Result<O>,
    ) -> dynoxide::Result<String>
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + Send + 'static,
    {
        let input = read(body)?;
        let turn = Arc::clone(&self.turn).lock_owned().await;
        if self.is_in_memory {
            let output = operation(&self.database, input);
            drop(turn);
            return write(&output?);
        }
        let database = self.database.clone();
        // A write to a file waits for the disk. The turn ends with the call, even if its caller
        // has left.
        let answered = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            operation(&database, input)
        });
        let output = answered.await.unwrap_or_else(|fault| {
            tracing::error!(fault = %fault, "the embedded engine failed");
            Err(DynoxideError::InternalServerError("the embedded engine failed".to_owned()))
        });
        write(&output?)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> dynoxide::Result<T> {
    serde_json::from_slice(body)
        .map_err(|fault| DynoxideError::SerializationException(fault.to_string()))
}

fn write(output: &impl Serialize) -> dynoxide::Result<String> {
    serde_json::to_string(output)
        .map_err(|fault| DynoxideError::InternalServerError(fault.to_string()))
}

fn error(fault: &DynoxideError) -> Response<String> {
    let status = StatusCode::from_u16(fault.status_code());
    json_body(status.unwrap_or(StatusCode::BAD_REQUEST), fault.to_json())
}

/// A protocol error that does not come from the engine.
pub(super) fn refused(kind: &str, message: &str) -> Response<String> {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
    json_body(StatusCode::BAD_REQUEST, json!({"__type": kind, "Message": message}).to_string())
}

fn json_body(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let engine = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            // The SDK's inputs are in memory. Only a streaming body has no bytes.
            let body = Bytes::copy_from_slice(request.body().bytes().unwrap_or_default());
            let answered = engine.respond(target, body).await.map(SdkBody::from);
            HttpResponse::try_from(answered)
                .map_err(|fault| ConnectorError::other(fault.into(), None))
        })
    }
}
