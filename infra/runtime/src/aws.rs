//! AWS, as far as environments call it: DynamoDB, which is passed on to the engine, and Parameter
//! Store, which is played by the keys of this machine.
//!
//! Each function signs with its own access key, so the caller is known. Calls that its role in the
//! template does not allow are denied, as IAM would. Signatures are not checked. Instead each call
//! must carry the secret of this run as its session token, and must not come from a web page.

mod parameters;

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use lanyard_administration::ports::KeyStore;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::parameters::Parameters;
use crate::loopback;
use crate::policy::{Policies, wire};
use crate::run_secret::{RunSecret, SESSION_TOKEN};
use crate::template::Place;

/// The prefix of every function's access key; the function's name follows.
pub const ACCESS_KEY_PREFIX: &str = "LANYARD-";

/// DynamoDB's limit for a request.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Answers a request of DynamoDB's protocol in this process: the value of `x-amz-target` and the
/// body.
pub type InProcessEngine =
    Arc<dyn Fn(String, Bytes) -> BoxFuture<'static, Response<String>> + Send + Sync>;

/// The DynamoDB engine behind the environments.
#[derive(Clone)]
pub enum Engine {
    /// In this process.
    InProcess(InProcessEngine),
    /// At an address, with the credentials that it knows.
    At {
        /// Such as `http://127.0.0.1:8000`.
        address: String,
        /// The access key.
        key_id: String,
        /// The session token, if there is one.
        session: Option<String>,
    },
}

/// AWS as the environments see it.
pub struct Aws {
    /// The engine.
    pub engine: Engine,
    /// The session token that each call must carry.
    pub secret: RunSecret,
    /// Where keys are kept.
    pub keys: Arc<dyn KeyStore>,
    /// The path of all keys, without a slash at its end.
    pub key_prefix: String,
    /// The path of the template.
    pub place: Place,
    /// The policies of the functions.
    pub policies: Policies,
}

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    DynamoDb,
    /// Systems Manager, whose Parameter Store is meant.
    Ssm,
}

/// The service and operation that `X-Amz-Target` names.
fn target(target: &str) -> Option<(Service, &str)> {
    match target.split_once('.')? {
        ("DynamoDB_20120810", operation) => Some((Service::DynamoDb, operation)),
        ("AmazonSSM", operation) => Some((Service::Ssm, operation)),
        _ => None,
    }
}

/// An error in the form of AWS's JSON protocols.
struct Fault {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Fault {
    fn bad(kind: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind, message: message.into() }
    }

    fn response(&self, service: Service) -> Response<Full<Bytes>> {
        // Each service spells the message in its own way; SDKs read both.
        let (kind, message) = match service {
            Service::DynamoDb => {
                (format!("com.amazonaws.dynamodb.v20120810#{}", self.kind), "Message")
            }
            Service::Ssm => (self.kind.to_owned(), "message"),
        };
        said(self.status, service, &json!({"__type": kind, message: self.message}))
    }
}

/// An AWS that serves.
struct Serving {
    aws: Aws,
    parameters: Parameters,
    http: reqwest::Client,
}

/// Serves until `stop` and returns the address.
///
/// # Errors
///
/// If loopback has no free port.
pub async fn start(aws: Aws, tasks: &TaskTracker, stop: CancellationToken) -> Result<String> {
    lanyard_platform::https::use_ring();
    let http = reqwest::Client::builder().no_proxy().http1_only().tcp_nodelay(true).build()?;
    let parameters = Parameters::new(Arc::clone(&aws.keys), aws.key_prefix.clone());
    let serving = Arc::new(Serving { aws, parameters, http });
    let respond = move |request| {
        let serving = Arc::clone(&serving);
        async move { serving.respond(request).await }
    };
    loopback::start(respond, tasks, stop).await
}

impl Serving {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let target = header(&head, "x-amz-target").to_owned();
        let Some((service, operation)) = self::target(&target) else {
            let message = format!("{target:?} is not served here");
            let fault = Fault::bad("UnknownOperationException", message);
            return fault.response(Service::DynamoDb);
        };
        let body = match Limited::new(body, MOST_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(fault) => {
                let fault = Fault::bad("SerializationException", fault.to_string());
                return fault.response(service);
            }
        };
        let answered = match self.permit(&head, &target, &body) {
            Ok(()) => match service {
                Service::DynamoDb => self.pass_on(&head, body).await,
                Service::Ssm => {
                    let asked = serde_json::from_slice(&body).unwrap_or_default();
                    let kept = self.parameters.respond(operation, &asked).await;
                    kept.map(|value| said(StatusCode::OK, service, &value))
                }
            },
            Err(fault) => Err(fault),
        };
        answered.unwrap_or_else(|fault| fault.response(service))
    }

    /// Asks whether the function that signed may do all that a request does.
    fn permit(&self, head: &http::request::Parts, target: &str, body: &[u8]) -> Result<(), Fault> {
        if !self.aws.secret.admits(&head.headers) {
            let message = "The security token included in the request is invalid.";
            return Err(Fault::bad("UnrecognizedClientException", message));
        }
        let function = signer(header(head, AUTHORIZATION.as_str())).ok_or_else(|| {
            Fault::bad("UnrecognizedClientException", "The access key is no function's.")
        })?;
        let calls = wire::requests(&self.aws.place, target, body)
            .map_err(|fault| Fault::bad("SerializationException", format!("{fault:#}")))?;
        for call in calls {
            if !self.aws.policies.allows(function, &call) {
                tracing::warn!(function, action = call.action, "the role does not allow a call");
                return Err(denied(function, &call.action));
            }
        }
        Ok(())
    }

    /// Hands a request to the engine.
    async fn pass_on(
        &self,
        head: &http::request::Parts,
        body: Bytes,
    ) -> Result<Response<Full<Bytes>>, Fault> {
        match &self.aws.engine {
            Engine::InProcess(respond) => {
                let response = respond(header(head, "x-amz-target").to_owned(), body).await;
                Ok(response.map(|body| Full::new(Bytes::from(body))))
            }
            Engine::At { address, key_id, session } => {
                let headers = as_known(head, key_id, session.as_deref());
                self.send_on(address, headers, body).await
            }
        }
    }

    /// Sends a request to an engine at an address.
    async fn send_on(
        &self,
        address: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Full<Bytes>>, Fault> {
        let unavailable = |fault: reqwest::Error| Fault {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "InternalServerError",
            message: format!("the engine does not respond: {fault}"),
        };
        let sent = self.http.post(address).headers(headers).body(body).send();
        let received = sent.await.map_err(unavailable)?;
        let (status, headers) = (received.status(), received.headers().clone());
        let mut response = Response::new(Full::new(received.bytes().await.map_err(unavailable)?));
        *response.status_mut() = status;
        for name in ["content-type", "x-amzn-requestid", "x-amz-crc32"] {
            if let Some(value) = headers.get(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Ok(response)
    }
}

/// The headers of a call to an engine outside of this process: without a function's access key and
/// without the secret of this run.
fn as_known(head: &http::request::Parts, key_id: &str, session: Option<&str>) -> HeaderMap {
    let mut headers = head.headers.clone();
    headers.remove(HOST);
    headers.remove(SESSION_TOKEN);
    if let Some(session) = session.and_then(|session| session.parse().ok()) {
        headers.insert(SESSION_TOKEN, session);
    }
    let signed = header(head, AUTHORIZATION.as_str());
    if let Some(function) = signer(signed) {
        // Engines may keep the tables of each access key apart.
        let key = format!("{ACCESS_KEY_PREFIX}{function}/");
        let signed = signed.replacen(&key, &format!("{key_id}/"), 1);
        if let Ok(signed) = signed.parse() {
            headers.insert(AUTHORIZATION, signed);
        }
    }
    headers
}

fn header<'h>(head: &'h http::request::Parts, name: &str) -> &'h str {
    head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// IAM's refusal.
fn denied(function: &str, action: &str) -> Fault {
    let message = format!(
        "{function} is not authorized to perform: {action} because no identity-based policy \
         allows the {action} action"
    );
    Fault::bad("AccessDeniedException", message)
}

/// The function whose access key signed: `AWS4-HMAC-SHA256 Credential=LANYARD-models/2026…`.
fn signer(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split('/').next()?.strip_prefix(ACCESS_KEY_PREFIX)
}

fn said(status: StatusCode, service: Service, value: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    let media_type = match service {
        Service::DynamoDb => "application/x-amz-json-1.0",
        Service::Ssm => "application/x-amz-json-1.1",
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_key_names_the_calling_function() {
        let signed = "AWS4-HMAC-SHA256 Credential=LANYARD-chat-completions/20261206/eu-north-1/\
                      dynamodb/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(signer(signed), Some("chat-completions"));
        assert_eq!(signer("AWS4-HMAC-SHA256 Credential=AKIA/20261206/x"), None);
        assert_eq!(signer(""), None);
    }

    #[tokio::test]
    async fn a_denied_call_gets_awss_error() {
        for (service, kind, message) in [
            (
                Service::DynamoDb,
                "com.amazonaws.dynamodb.v20120810#AccessDeniedException",
                "Message",
            ),
            (Service::Ssm, "AccessDeniedException", "message"),
        ] {
            let fault = denied("models", "dynamodb:Scan");
            let response = fault.response(service);
            assert_eq!(response.status(), StatusCode::BAD_REQUEST);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["__type"], kind);
            assert!(body[message].as_str().unwrap().contains("dynamodb:Scan"), "{body}");
        }
    }

    fn place() -> Place {
        Place {
            stack: crate::STACK.to_owned(),
            region: "eu-north-1".to_owned(),
            account: crate::ACCOUNT.to_owned(),
            table: "lanyard".to_owned(),
        }
    }

    #[tokio::test]
    async fn only_functions_of_this_run_reach_the_engine() {
        let secret = RunSecret::new().unwrap();
        let engine: InProcessEngine =
            Arc::new(|_, _| Box::pin(async { Response::new("reached".to_owned()) }));
        let aws = Aws {
            engine: Engine::InProcess(engine),
            secret: secret.clone(),
            keys: Arc::new(lanyard_platform::keys::FileKeys::in_memory()),
            key_prefix: "/lanyard/keys".to_owned(),
            policies: Policies::read(&place(), &[]).unwrap(),
            place: place(),
        };
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let _end = stop.clone().drop_guard();
        let address = start(aws, &tasks, stop).await.unwrap();
        let client = reqwest::Client::new();
        let call = async |headers: &[(&'static str, &str)]| {
            let body =
                r#"{"TableName": "lanyard", "Key": {"pk": {"S": "CODE#x"}, "sk": {"S": "A"}}}"#;
            let mut request = client.post(&address).body(body);
            let signed = "AWS4-HMAC-SHA256 Credential=LANYARD-models/20261206/x, Signature=0";
            request = request.header(AUTHORIZATION, signed);
            request = request.header("x-amz-target", "DynamoDB_20120810.GetItem");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            request.send().await.unwrap().text().await.unwrap()
        };
        assert_eq!(call(&[(SESSION_TOKEN, secret.reveal())]).await, "reached");
        for refused in [
            &[][..],
            &[(SESSION_TOKEN, "local")],
            &[(SESSION_TOKEN, secret.reveal()), ("origin", "http://127.0.0.1:8787")],
        ] {
            let body = call(refused).await;
            assert!(body.contains("UnrecognizedClientException"), "{refused:?} {body}");
        }
    }

    #[test]
    fn an_engine_elsewhere_never_sees_the_secret() {
        let request = Request::builder()
            .header(AUTHORIZATION, "AWS4-HMAC-SHA256 Credential=LANYARD-models/2026/x")
            .header(SESSION_TOKEN, "secret")
            .body(())
            .unwrap();
        let (head, ()) = request.into_parts();
        let headers = as_known(&head, "local", None);
        assert_eq!(headers[AUTHORIZATION], "AWS4-HMAC-SHA256 Credential=local/2026/x");
        assert!(!headers.contains_key(SESSION_TOKEN));
        assert_eq!(as_known(&head, "local", Some("other"))[SESSION_TOKEN], "other");
    }
}
