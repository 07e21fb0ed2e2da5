//! Writes of accounts and usage: one try each, by the parts of the SDK that one try needs.
//!
//! Decision record 56 says why not by the SDK's client. The parts are the SDK's serialisers,
//! credentials, signatures, correction of the clock, timeouts and errors.

use std::fmt;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_sdk_dynamodb::Config;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{IdentityCache, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemInputBuilder;
use aws_sdk_dynamodb::operation::put_item::{PutItem, PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemInputBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItem, UpdateItemError, UpdateItemOutput};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::orchestrator::invoke;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{
    RuntimePlugin, RuntimePlugins, StaticRuntimePlugin,
};
use aws_smithy_types::config_bag::Layer;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use lanyard_gateway::ports::Cause;

/// Where DynamoDB is, and who calls it.
#[derive(Clone, Debug)]
pub struct Access {
    credentials: SharedCredentialsProvider,
    region: Region,
    endpoint: Option<String>,
    params: Params,
}

impl Access {
    /// Access with these credentials to an endpoint; AWS's for the region, if it is `None`.
    ///
    /// # Errors
    ///
    /// If the region cannot be a part of a host name.
    pub fn new(
        credentials: SharedCredentialsProvider,
        region: &str,
        endpoint: Option<&str>,
    ) -> Result<Self, Cause> {
        let params =
            Params::builder().region(region).set_endpoint(endpoint.map(str::to_owned)).build()?;
        let (region, endpoint) = (Region::new(region.to_owned()), endpoint.map(str::to_owned));
        Ok(Self { credentials, region, endpoint, params })
    }

    /// The settings of a client with this access.
    pub(super) fn of_client(
        &self,
        mut config: aws_sdk_dynamodb::config::Builder,
    ) -> aws_sdk_dynamodb::config::Builder {
        config.set_endpoint_url(self.endpoint.clone());
        config.region(self.region.clone()).credentials_provider(self.credentials.clone())
    }
}

/// The two operations that write, ready to be called.
#[derive(Clone)]
pub(super) struct Writes {
    pub(super) access: Access,
    update_item: RuntimePlugins,
    put_item: RuntimePlugins,
}

impl Writes {
    /// Writes with the HTTP client, the timeouts and the interceptors of a client.
    pub(super) fn new(client: &Config, access: Access) -> Self {
        let shared = shared_plugins(client, &access);
        let update_item = with_operation(shared.clone(), &UpdateItem::new());
        let put_item = with_operation(shared, &PutItem::new());
        Self { access, update_item, put_item }
    }

    pub(super) async fn update_item(
        &self,
        call: UpdateItemInputBuilder,
    ) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
        let input = Input::erase(call.build().map_err(SdkError::construction_failure)?);
        once("UpdateItem", input, &self.update_item).await
    }

    pub(super) async fn put_item(
        &self,
        call: PutItemInputBuilder,
    ) -> Result<PutItemOutput, SdkError<PutItemError>> {
        let input = Input::erase(call.build().map_err(SdkError::construction_failure)?);
        once("PutItem", input, &self.put_item).await
    }
}

impl fmt::Debug for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writes").field("access", &self.access).finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "the types are those of the operation's own deserialiser")]
async fn once<O, E>(
    operation: &str,
    input: Input,
    plugins: &RuntimePlugins,
) -> Result<O, SdkError<E>>
where
    O: fmt::Debug + Send + Sync + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    match invoke("DynamoDB", operation, input, plugins).await {
        Ok(output) => Ok(output.downcast().expect("the output of the operation")),
        Err(fault) => {
            Err(fault
                .map_service_error(|error| error.downcast().expect("the error of the operation")))
        }
    }
}

/// All that both operations need, put together once: the SDK merges it for each call. They share the
/// cache of credentials and what is known of the clock.
fn shared_plugins(client: &Config, access: &Access) -> RuntimePlugins {
    let mut layer = Layer::new("writes");
    layer
        .store_put(SigningName::from_static("dynamodb"))
        .store_put(SigningRegion::from(access.region.clone()))
        .store_put(EndpointResolverParams::new(access.params.clone()))
        .store_put(RetryConfig::disabled())
        .store_put(StalledStreamProtectionConfig::disabled());
    if let Some(timeouts) = client.timeout_config() {
        layer.store_put(timeouts.clone());
    }
    let components = RuntimeComponentsBuilder::new("writes")
        .with_http_client(client.http_client())
        .with_endpoint_resolver(Some(DefaultResolver::new().into_shared_resolver()))
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
            SCHEME_ID,
        ])))
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_identity_cache(Some(IdentityCache::lazy().build()))
        .with_identity_resolver(SCHEME_ID, access.credentials.clone())
        .with_retry_strategy(Some(NeverRetryStrategy::new()))
        .with_sleep_impl(Some(TokioSleep::new()))
        .with_time_source(Some(SystemTimeSource::new()))
        .with_interceptors(client.interceptors())
        .with_interceptor(ServiceClockSkewInterceptor::new());
    let plugin =
        StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
    RuntimePlugins::new().with_client_plugin(plugin)
}

fn with_operation(shared: RuntimePlugins, operation: &dyn RuntimePlugin) -> RuntimePlugins {
    let mut plugin = StaticRuntimePlugin::new();
    if let Some(config) = operation.config() {
        plugin = plugin.with_config(config);
    }
    shared.with_client_plugin(plugin)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use aws_credential_types::Credentials;
    use aws_sdk_dynamodb::config::BehaviorVersion;
    use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
    use aws_sdk_dynamodb::operation::put_item::PutItemInput;
    use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::table::{Table, text};

    type Reply = http::Response<&'static str>;

    /// DynamoDB with known replies; without one it is silent.
    #[derive(Clone, Debug, Default)]
    struct Scripted {
        replies: Arc<Mutex<VecDeque<Reply>>>,
        seen: Arc<Mutex<Vec<HttpRequest>>>,
    }

    impl Scripted {
        fn of(replies: impl Into<VecDeque<Reply>>) -> Self {
            Self { replies: Arc::new(Mutex::new(replies.into())), ..Self::default() }
        }

        fn table(&self) -> Table {
            let session = Some("session".to_owned());
            let keys = Credentials::new("id", "secret", session, None, "test");
            let keys = SharedCredentialsProvider::new(keys);
            let access = Access::new(keys, "eu-north-1", None).unwrap();
            let timeouts = TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_millis(200))
                .build();
            let connector = SharedHttpConnector::new(self.clone());
            let config = Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .http_client(http_client_fn(move |_, _| connector.clone()))
                .timeout_config(timeouts);
            Table::new(config, access, "events".to_owned())
        }

        fn header(&self, index: usize, name: &str) -> String {
            let seen = self.seen.lock().unwrap();
            seen[index].headers().get(name).unwrap_or_default().to_owned()
        }
    }

    impl HttpConnector for Scripted {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.seen.lock().unwrap().push(request);
            let reply = self.replies.lock().unwrap().pop_front();
            match reply {
                None => HttpConnectorFuture::new(std::future::pending()),
                Some(reply) => {
                    HttpConnectorFuture::ready(Ok(reply.map(SdkBody::from).try_into().unwrap()))
                }
            }
        }
    }

    fn reply(status: u16, body: &'static str) -> Reply {
        http::Response::builder().status(status).body(body).unwrap()
    }

    fn call() -> UpdateItemInputBuilder {
        UpdateItemInput::builder()
            .key("pk", text("EVENT#e"))
            .update_expression("ADD held :one")
            .expression_attribute_values(":one", crate::table::number(1))
    }

    #[tokio::test]
    async fn a_write_is_signed_for_its_region_and_its_response_is_read() {
        let store = Scripted::of([reply(200, r#"{"Attributes": {"held": {"N": "7"}}}"#)]);
        let made = store.table().update_once(call()).await.unwrap();
        assert_eq!(made.attributes.unwrap()["held"].as_n().unwrap(), "7");

        let seen = store.seen.lock().unwrap();
        assert_eq!(seen[0].uri(), "https://dynamodb.eu-north-1.amazonaws.com/");
        assert_eq!(seen[0].headers().get("x-amz-target"), Some("DynamoDB_20120810.UpdateItem"));
        assert_eq!(seen[0].headers().get("x-amz-security-token"), Some("session"));
        let signature = seen[0].headers().get("authorization").unwrap();
        assert!(signature.contains("/eu-north-1/dynamodb/aws4_request"), "{signature}");
        let body: serde_json::Value =
            serde_json::from_slice(seen[0].body().bytes().unwrap()).unwrap();
        assert_eq!(
            (&body["TableName"], &body["Key"]["pk"]["S"]),
            (&"events".into(), &"EVENT#e".into())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_fails_or_is_not_answered_is_sent_once() {
        let failing = Scripted::of([reply(500, "{}"), reply(200, "{}")]);
        failing.table().update_once(call()).await.unwrap_err();
        assert_eq!(failing.seen.lock().unwrap().len(), 1);

        let silent = Scripted::of([]);
        let fault = silent.table().update_once(call()).await.unwrap_err();
        assert!(matches!(fault, SdkError::TimeoutError(_)), "{fault:?}");
        assert_eq!(silent.seen.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_unmet_condition_is_known_by_its_type_and_brings_the_item() {
        let refusal = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "Item": {"held": {"N": "9"}}}"#;
        let store = Scripted::of([reply(400, refusal)]);
        let fault = store.table().update_once(call()).await.unwrap_err();
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) =
            fault.as_service_error()
        else {
            panic!("{fault:?}")
        };
        assert_eq!(failed.item().unwrap()["held"].as_n().unwrap(), "9");
    }

    #[tokio::test]
    async fn the_time_of_dynamodb_is_used_after_it_refused_ours() {
        let mut refusal = reply(
            400,
            r#"{"__type": "com.amazon.coral.service#InvalidSignatureException", "message": "Signature expired"}"#,
        );
        let date = "Tue, 01 Jan 2047 12:00:00 GMT".parse().unwrap();
        refusal.headers_mut().insert("date", date);
        let store = Scripted::of([refusal, reply(200, "{}")]);
        let table = store.table();
        table.update_once(call()).await.unwrap_err();
        // What one operation has learned serves the other as well.
        let put = PutItemInput::builder().item("pk", text("EVENT#e"));
        table.put_once(put).await.unwrap();
        assert!(store.header(1, "x-amz-date").starts_with("20470101T"));
        assert!(!store.header(0, "x-amz-date").starts_with("2047"));
    }
}
