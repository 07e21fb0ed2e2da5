//! The event of an invocation, before it becomes a request.
//!
//! An event of a REST API has its headers twice: the last value of each name, and all values.
//! `lambda_http` puts the former over the latter, so that of a header that was sent twice one value
//! would be left.

use std::convert::Infallible;
use std::mem::take;
use std::task::{Context, Poll};

use lambda_http::request::LambdaRequest;
use lambda_http::{IntoResponse, LambdaEvent, Service, StreamAdapter};
use lanyard_gateway::Response;
use lanyard_gateway::request::Body;

/// The event with all values of each header. Nothing is copied.
pub(super) fn with_all_headers(mut event: LambdaRequest) -> LambdaRequest {
    if let LambdaRequest::ApiGatewayV1(event) = &mut event {
        let mut headers = take(&mut event.multi_value_headers);
        for (name, value) in take(&mut event.headers) {
            if let Some(name) = name.filter(|name| !headers.contains_key(name)) {
                headers.insert(name, value);
            }
        }
        event.headers = headers;
    }
    event
}

/// A service for events, of one for requests. Responses are buffered.
#[derive(Clone)]
pub(super) struct Buffered<S>(pub(super) S);

/// The same with responses that are streamed.
#[derive(Clone)]
pub(super) struct Streamed<S>(pub(super) S);

type BufferedAdapter<R, S> = lambda_http::Adapter<'static, R, S>;

impl<R, S> Service<LambdaEvent<LambdaRequest>> for Buffered<S>
where
    S: Service<lambda_http::Request, Response = R, Error = Infallible> + Clone,
    S::Future: Send + 'static,
    R: IntoResponse + 'static,
{
    type Response = <BufferedAdapter<R, S> as Service<LambdaEvent<LambdaRequest>>>::Response;
    type Error = Infallible;
    type Future = <BufferedAdapter<R, S> as Service<LambdaEvent<LambdaRequest>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(
        &mut self,
        LambdaEvent { payload, context }: LambdaEvent<LambdaRequest>,
    ) -> Self::Future {
        let event = LambdaEvent::new(with_all_headers(payload), context);
        BufferedAdapter::from(self.0.clone()).call(event)
    }
}

/// It is made anew for each call, because one with a body that is not `Sync` is not `Send`.
type StreamedAdapter<S> = StreamAdapter<'static, S, Body>;

impl<S> Service<LambdaEvent<LambdaRequest>> for Streamed<S>
where
    S: Service<lambda_http::Request, Response = Response, Error = Infallible> + Clone,
    S::Future: Send + 'static,
{
    type Response = <StreamedAdapter<S> as Service<LambdaEvent<LambdaRequest>>>::Response;
    type Error = Infallible;
    type Future = <StreamedAdapter<S> as Service<LambdaEvent<LambdaRequest>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(
        &mut self,
        LambdaEvent { payload, context }: LambdaEvent<LambdaRequest>,
    ) -> Self::Future {
        let event = LambdaEvent::new(with_all_headers(payload), context);
        StreamedAdapter::from(self.0.clone()).call(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(headers: &str, all: &str) -> LambdaRequest {
        let text = format!(
            r#"{{"httpMethod":"POST","path":"/v1/models","headers":{headers},"multiValueHeaders":{all},
            "queryStringParameters":{{"a":"2"}},"multiValueQueryStringParameters":{{"a":["1","2"]}},
            "requestContext":{{"stage":"api","httpMethod":"POST","identity":{{}}}},
            "body":"the body","isBase64Encoded":false}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn every_value_of_a_header_arrives_in_order_and_the_body_is_not_copied() {
        let event = event(
            r#"{"api-key":"two","x-single":"one","x-only-here":"here","host":"h"}"#,
            r#"{"API-Key":["one","two"],"x-single":["one"],"host":["h"]}"#,
        );
        let body = |event: &LambdaRequest| {
            let LambdaRequest::ApiGatewayV1(event) = event else { panic!("{event:?}") };
            event.body.as_ref().unwrap().as_ptr()
        };
        let before = body(&event);
        let event = with_all_headers(event);
        assert_eq!(body(&event), before);
        let request: lambda_http::Request = event.into();
        let values = |name| {
            let values = request.headers().get_all(name).iter();
            values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(values("api-key"), ["one", "two"]);
        assert_eq!(values("x-single"), ["one"]);
        assert_eq!(values("x-only-here"), ["here"]);
        assert_eq!(request.uri().query(), Some("a=1&a=2"));
    }

    #[test]
    fn an_event_without_lists_of_values_keeps_its_headers() {
        for all in ["null", "{}"] {
            let event = with_all_headers(event(r#"{"api-key":"one"}"#, all));
            let request: lambda_http::Request = event.into();
            assert_eq!(request.headers()["api-key"], "one");
        }
    }
}
