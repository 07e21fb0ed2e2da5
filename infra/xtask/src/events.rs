//! The sample events: what API Gateway sends to a function for the sample request of its row.

use lanyard_functions::{FUNCTIONS, Function, Sample};

/// What a client sends with every request, and what API Gateway adds.
const HEADERS: [(&str, &str); 7] = [
    ("Accept", "*/*"),
    ("Host", "a1b2c3d4e5.execute-api.eu-north-1.amazonaws.com"),
    ("User-Agent", "curl/8.11.1"),
    ("X-Amzn-Trace-Id", "Root=1-6b152b18-0a1b2c3d4e5f60718293a4b2"),
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Forwarded-Port", "443"),
    ("X-Forwarded-Proto", "https"),
];

/// Each file and its text.
pub(crate) fn files() -> impl Iterator<Item = (String, String)> {
    FUNCTIONS.iter().filter_map(|function| {
        let text = match function.sample {
            Sample::ByHand => return None,
            Sample::Get => event(function, "GET", None),
            Sample::Post(body) => event(function, "POST", Some(body)),
        };
        Some((format!("infra/events/{}.json", function.name), text))
    })
}

fn event(function: &Function, method: &str, body: Option<&str>) -> String {
    let path = function.paths().next().map(|route| route.path).unwrap_or_default();
    let content_type = body.map(|_| ("content-type", "application/json"));
    let code = ("openai-event-code", "hackathon/githubuser");
    let headers: Vec<_> = HEADERS.into_iter().chain(content_type).chain([code]).collect();
    let single: Vec<_> =
        headers.iter().map(|(name, value)| format!("    \"{name}\": \"{value}\"")).collect();
    let multiple: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("    \"{name}\": [\n      \"{value}\"\n    ]"))
        .collect();
    let body = body.map_or("null".to_owned(), quoted);
    let (single, multiple) = (single.join(",\n"), multiple.join(",\n"));
    format!(
        r#"{{
  "resource": "{path}",
  "path": "{path}",
  "httpMethod": "{method}",
  "headers": {{
{single}
  }},
  "multiValueHeaders": {{
{multiple}
  }},
  "queryStringParameters": null,
  "multiValueQueryStringParameters": null,
  "pathParameters": null,
  "stageVariables": null,
  "requestContext": {{
    "resourceId": "r3s02x",
    "resourcePath": "{path}",
    "httpMethod": "{method}",
    "extendedRequestId": "aB3dE2GhIjKlMnOpQ=",
    "requestTime": "06/Dec/2026:09:30:00 +0000",
    "path": "/api{path}",
    "accountId": "123456789012",
    "protocol": "HTTP/1.1",
    "stage": "api",
    "domainPrefix": "a1b2c3d4e5",
    "requestTimeEpoch": 1796549400000,
    "requestId": "3f0c8a52-6a3e-4d4b-9a77-1f2f5f0f6c02",
    "identity": {{
      "cognitoIdentityPoolId": null,
      "accountId": null,
      "cognitoIdentityId": null,
      "caller": null,
      "sourceIp": "203.0.113.7",
      "principalOrgId": null,
      "accessKey": null,
      "cognitoAuthenticationType": null,
      "cognitoAuthenticationProvider": null,
      "userArn": null,
      "userAgent": "curl/8.11.1",
      "user": null
    }},
    "domainName": "a1b2c3d4e5.execute-api.eu-north-1.amazonaws.com",
    "deploymentId": "d4p0y1",
    "apiId": "a1b2c3d4e5"
  }},
  "body": {body},
  "isBase64Encoded": false
}}
"#
    )
}

/// A body as a string within JSON. Bodies are JSON themselves, on one line.
fn quoted(body: &str) -> String {
    format!("\"{}\"", body.replace('\\', "\\\\").replace('"', "\\\""))
}
