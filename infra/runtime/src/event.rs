//! A request as a function receives it: payload format 1.0, as API Gateway's REST APIs send it, or
//! 2.0, as function URLs and HTTP APIs do.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::template::Route;

/// The domain of API Gateway in events. No request is sent to it.
const API_ID: &str = "local";

/// The version of the event format, as AWS names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PayloadFormat {
    /// A REST API's, which production has.
    #[default]
    #[value(name = "1.0")]
    V1,
    /// A function URL's.
    #[value(name = "2.0")]
    V2,
}

/// All that an event is made of.
pub struct Arrival<'a> {
    /// Method, path, query and headers.
    pub head: &'a Parts,
    /// The body.
    pub body: &'a Bytes,
    /// The route.
    pub route: &'a Route,
    /// The API's stage.
    pub stage: &'a str,
    /// Media types that a REST API passes on in base64.
    pub binary_media_types: &'a [String],
    /// Where the client is.
    pub source_ip: IpAddr,
    /// API Gateway's id of the request.
    pub request_id: &'a str,
    /// `X-Amzn-Trace-Id`.
    pub trace: &'a str,
    /// When it came.
    pub now: DateTime<Utc>,
}

impl Arrival<'_> {
    /// The event as JSON.
    #[must_use]
    pub fn event(&self, format: PayloadFormat) -> Bytes {
        let event = match format {
            PayloadFormat::V1 => self.first(),
            PayloadFormat::V2 => self.second(),
        };
        event.to_string().into()
    }

    fn first(&self) -> Value {
        let headers = self.headers();
        let path = self.head.uri.path();
        let below_stage = path.strip_prefix('/').and_then(|path| path.strip_prefix(self.stage));
        let pairs = decoded_pairs(self.head.uri.query());
        let media_type = self.header(&CONTENT_TYPE).to_owned();
        let is_binary = self.binary_media_types.iter().any(|wanted| covers(wanted, &media_type));
        let body = match is_binary {
            true => STANDARD.encode(self.body),
            // Without binary support, API Gateway reads every body as text.
            false => String::from_utf8_lossy(self.body).into_owned(),
        };
        let has_body = !self.body.is_empty();
        let parameters = parameters(&self.route.path, below_stage.unwrap_or(path));
        json!({
            "resource": self.route.path,
            "path": below_stage.unwrap_or(path),
            "httpMethod": self.head.method.as_str(),
            "headers": last_values(&headers),
            "multiValueHeaders": all_values(&headers),
            "queryStringParameters": or_null(last_values(&pairs)),
            "multiValueQueryStringParameters": or_null(all_values(&pairs)),
            "pathParameters": or_null(parameters),
            "stageVariables": null,
            "requestContext": {
                "resourceId": "local", "resourcePath": self.route.path, "apiId": API_ID,
                "httpMethod": self.head.method.as_str(), "path": path, "stage": self.stage,
                "accountId": super::ACCOUNT, "protocol": "HTTP/1.1",
                "domainName": self.header(&http::header::HOST), "domainPrefix": API_ID,
                "requestId": self.request_id, "extendedRequestId": self.request_id,
                "requestTime": self.now.format("%d/%b/%Y:%H:%M:%S %z").to_string(),
                "requestTimeEpoch": self.now.timestamp_millis(),
                "identity": {
                    "sourceIp": self.source_ip.to_string(),
                    "userAgent": self.header(&USER_AGENT),
                    "accessKey": null, "accountId": null, "caller": null,
                    "cognitoAuthenticationProvider": null, "cognitoAuthenticationType": null,
                    "cognitoIdentityId": null, "cognitoIdentityPoolId": null,
                    "principalOrgId": null, "user": null, "userArn": null,
                },
            },
            "body": has_body.then_some(body),
            "isBase64Encoded": has_body && is_binary,
        })
    }

    fn second(&self) -> Value {
        let mut headers = self.headers();
        let cookies: Vec<_> =
            headers.extract_if(.., |(name, _)| name == "cookie").map(|(_, value)| value).collect();
        let is_text = is_text(self.header(&CONTENT_TYPE)) && std::str::from_utf8(self.body).is_ok();
        let body = match is_text {
            true => String::from_utf8_lossy(self.body).into_owned(),
            false => STANDARD.encode(self.body),
        };
        let has_body = !self.body.is_empty();
        let pairs = decoded_pairs(self.head.uri.query());
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.head.uri.path(),
            "rawQueryString": self.head.uri.query().unwrap_or_default(),
            "headers": joined_values(&headers),
            "requestContext": {
                "accountId": "anonymous", "apiId": API_ID, "routeKey": "$default",
                "stage": "$default", "domainPrefix": API_ID,
                "domainName": self.header(&http::header::HOST), "requestId": self.request_id,
                "time": self.now.format("%d/%b/%Y:%H:%M:%S %z").to_string(),
                "timeEpoch": self.now.timestamp_millis(),
                "http": {
                    "method": self.head.method.as_str(), "path": self.head.uri.path(),
                    "protocol": "HTTP/1.1", "sourceIp": self.source_ip.to_string(),
                    "userAgent": self.header(&USER_AGENT),
                },
            },
            "isBase64Encoded": has_body && !is_text,
        });
        if has_body {
            event["body"] = json!(body);
        }
        if !cookies.is_empty() {
            event["cookies"] = json!(cookies);
        }
        if !pairs.is_empty() {
            event["queryStringParameters"] = Value::Object(joined_values(&pairs));
        }
        event
    }

    /// The headers as API Gateway passes them on.
    fn headers(&self) -> Vec<(String, String)> {
        let is_of_the_connection = |name: &HeaderName| {
            [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH].contains(name) || name == "keep-alive"
        };
        let sent = self.head.headers.iter().filter(|(name, _)| !is_of_the_connection(name));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut headers: Vec<_> =
            sent.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        // The client's own entries come before the address of the connection.
        let before = self.header(&HeaderName::from_static("x-forwarded-for"));
        let chain = match before {
            "" => self.source_ip.to_string(),
            before => format!("{before}, {}", self.source_ip),
        };
        headers.retain(|(name, _)| !name.starts_with("x-forwarded-") && name != "x-amzn-trace-id");
        headers.push(("x-amzn-trace-id".to_owned(), self.trace.to_owned()));
        headers.push(("x-forwarded-for".to_owned(), chain));
        headers.push(("x-forwarded-port".to_owned(), "443".to_owned()));
        headers.push(("x-forwarded-proto".to_owned(), "https".to_owned()));
        headers
    }

    fn header(&self, name: &HeaderName) -> &str {
        text(&self.head.headers, name)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The pairs of a query, decoded as a form is.
fn decoded_pairs(query: Option<&str>) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// The decoded values of the route's variables in a path.
fn parameters(pattern: &str, path: &str) -> Map<String, Value> {
    let mut parameters = Map::new();
    let mut rest = path.trim_start_matches('/').trim_end_matches('/');
    for segment in pattern.trim_start_matches('/').split('/') {
        let (value, after) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix("+}")) {
            let value = percent_decode_str(rest).decode_utf8_lossy().into_owned();
            parameters.insert(name.to_owned(), Value::String(value));
            return parameters;
        }
        if let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            parameters.insert(name.to_owned(), Value::String(value));
        }
        rest = after;
    }
    parameters
}

fn last_values(pairs: &[(String, String)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect()
}

fn all_values(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in pairs {
        let values = all.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(Value::String(value.clone()));
        }
    }
    all
}

fn joined_values(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in pairs {
        match all.get_mut(name) {
            Some(Value::String(values)) => {
                values.push(',');
                values.push_str(value);
            }
            _ => {
                all.insert(name.clone(), Value::String(value.clone()));
            }
        }
    }
    all
}

fn or_null(values: Map<String, Value>) -> Value {
    if values.is_empty() { Value::Null } else { Value::Object(values) }
}

/// Whether a media type of the template, such as `image/*`, covers one of a request.
fn covers(wanted: &str, media_type: &str) -> bool {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    // In a template the slash may be written as `~1`.
    match wanted.replace("~1", "/").split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, "*")) => media_type.split('/').next() == Some(kind),
        Some(_) | None => wanted.replace("~1", "/") == media_type,
    }
}

/// Whether a function URL passes a body of this type as text.
fn is_text(media_type: &str) -> bool {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&media_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    fn event(
        format: PayloadFormat,
        request: http::Request<&'static [u8]>,
        types: &[&str],
    ) -> Value {
        let template = Template::read().unwrap();
        let (head, body) = request.into_parts();
        let types: Vec<_> = types.iter().map(|name| (*name).to_owned()).collect();
        let arrival = Arrival {
            route: template.route(head.uri.path()).unwrap(),
            head: &head,
            body: &Bytes::from_static(body),
            stage: &template.stage,
            binary_media_types: &types,
            source_ip: [203, 0, 113, 7].into(),
            request_id: "an-id",
            trace: "Root=1-x",
            now: "2026-12-06T09:30:00Z".parse().unwrap(),
        };
        serde_json::from_slice(&arrival.event(format)).unwrap()
    }

    fn request(body: &'static [u8]) -> http::Request<&'static [u8]> {
        http::Request::post("/api/admin/events/a%20b/x%2Fy?a=1&a=2+3&b=%C3%A9&c")
            .header("x-twice", "one")
            .header("x-twice", "two")
            .header("x-forwarded-for", "192.0.2.1")
            .header("content-type", "image/png")
            .header("cookie", "a=b")
            .header("cookie", "c=d")
            .body(body)
            .unwrap()
    }

    #[test]
    fn a_rest_event_has_decoded_parameters_and_every_value() {
        let event = event(PayloadFormat::V1, request(b"\xff"), &["image/*"]);
        assert_eq!(event["path"], "/admin/events/a%20b/x%2Fy");
        assert_eq!(event["requestContext"]["path"], "/api/admin/events/a%20b/x%2Fy");
        assert_eq!(event["resource"], "/admin/{proxy+}");
        assert_eq!(event["pathParameters"]["proxy"], "events/a b/x/y");
        let query = json!({"a": ["1", "2 3"], "b": ["é"], "c": [""]});
        assert_eq!(event["multiValueQueryStringParameters"], query);
        assert_eq!(event["queryStringParameters"]["a"], "2 3");
        assert_eq!(event["multiValueHeaders"]["x-twice"], json!(["one", "two"]));
        assert_eq!(event["headers"]["x-twice"], "two");
        assert_eq!(event["headers"]["x-forwarded-for"], "192.0.2.1, 203.0.113.7");
        assert_eq!(event["requestContext"]["identity"]["sourceIp"], "203.0.113.7");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    }

    #[test]
    fn a_rest_api_without_binary_types_reads_every_body_as_text() {
        let event = event(PayloadFormat::V1, request(b"a\xff"), &[]);
        let read = (&event["body"], &event["isBase64Encoded"]);
        assert_eq!(read, (&json!("a\u{fffd}"), &json!(false)));
    }

    #[test]
    fn a_function_urls_event_joins_values_and_keeps_the_query_as_sent() {
        let event = event(PayloadFormat::V2, request(b"\xff"), &[]);
        assert_eq!(event["rawPath"], "/api/admin/events/a%20b/x%2Fy");
        assert_eq!(event["rawQueryString"], "a=1&a=2+3&b=%C3%A9&c");
        assert_eq!(event["queryStringParameters"]["a"], "1,2 3");
        assert_eq!(event["headers"]["x-twice"], "one,two");
        assert_eq!(event["cookies"], json!(["a=b", "c=d"]));
        assert_eq!(event["requestContext"]["http"]["sourceIp"], "203.0.113.7");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    }

    #[test]
    fn a_request_without_body_or_query_has_nulls() {
        let request = http::Request::get("/api/v1/models/gpt-4o").body(&b""[..]).unwrap();
        let event = event(PayloadFormat::V1, request, &[]);
        assert_eq!(event["body"], Value::Null);
        assert_eq!(event["queryStringParameters"], Value::Null);
        assert_eq!(event["pathParameters"], json!({"model": "gpt-4o"}));
    }
}
