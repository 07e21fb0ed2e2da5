//! Step one: who is calling, by which path.

mod anthropic;

use http::header::AUTHORIZATION;
use lanyard_domain::operation::Operation;
use lanyard_domain::token::{AttendeeToken, EventCode};
use lanyard_protocol::{Api, Protocol};

pub use self::anthropic::error_shape;
use crate::error::{ApiError, BadRequestCode};
use crate::headers;
use crate::request::Request;
use crate::signed::SignedToken;

/// The credential: the first that is well formed of those that a request may carry.
///
/// # Errors
///
/// [`ApiError::InvalidEventCode`], the same for missing, doubled and malformed ones.
pub fn token(request: &Request) -> Result<Pass, ApiError> {
    let user = request.header(&headers::USER_ID).map_err(|_| ApiError::InvalidEventCode)?;
    let pass = credentials(request)?.into_iter().flatten().find_map(|text| pass(text, user));
    pass.ok_or(ApiError::InvalidEventCode)
}

fn pass(credential: &str, user: Option<&str>) -> Option<Pass> {
    if SignedToken::is_meant_by(credential) {
        return SignedToken::read(credential).map(Pass::Signed);
    }
    AttendeeToken::parse(credential, user).ok().map(Pass::Shared)
}

/// A well-formed credential. Step 2 decides whether it is valid.
#[derive(Debug)]
pub enum Pass {
    /// The event's code and a user.
    Shared(AttendeeToken),
    /// A token of the event's, or a personal key.
    Signed(SignedToken),
}

/// The headers that may have the credential, in the order of precedence. The first header decides
/// alone, because an SDK may send a dummy key beside it; of the others none hides another.
fn credentials(request: &Request) -> Result<[Option<&str>; 3], ApiError> {
    let given = |name| request.header(name).map_err(|_| ApiError::InvalidEventCode);
    let [event_code, api_key, x_api_key] =
        [headers::EVENT_CODE, headers::API_KEY, headers::X_API_KEY];
    if let Some(credential) = given(&event_code)? {
        return Ok([Some(unquoted(credential)), None, None]);
    }
    let keys = [given(&api_key)?, given(&x_api_key)?, bearer(request)];
    Ok(keys.map(|key| key.map(unquoted)))
}

/// A credential without the quotes that people paste along with it.
fn unquoted(credential: &str) -> &str {
    let text = credential.trim_matches(' ');
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    ['"', '\'', '`'].into_iter().find_map(inner).unwrap_or(text)
}

/// The code alone, for routes that concern no attendee. A user behind it is ignored, and an event
/// before it.
///
/// # Errors
///
/// [`ApiError::InvalidEventCode`], as for [`token`].
pub fn code(request: &Request) -> Result<EventCode, ApiError> {
    let read = |credential: &str| {
        let code = credential.split('/').next().unwrap_or_default();
        let code = code.split_once('@').map_or(code, |(_, code)| code);
        code.trim_matches(' ').parse().ok()
    };
    let code = credentials(request)?.into_iter().flatten().find_map(read);
    code.ok_or(ApiError::InvalidEventCode)
}

/// The token of an `Authorization: Bearer` header.
#[must_use]
pub fn bearer(request: &Request) -> Option<&str> {
    let value = request.header(&AUTHORIZATION).ok()??;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// The style of a client's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStyle {
    /// `/v1/…` and `/openai-proxy/…`: clients of OpenAI's API.
    OpenAi,
    /// `/openai/…`: clients of Azure's.
    Azure,
}

/// A path, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// The style of the path.
    pub style: PathStyle,
    /// The deployment that it names.
    pub deployment: Option<&'a str>,
}

/// The stage, below which tools may forget `/v1`.
const STAGE: &str = "/api/";

/// The path below the API, without the stage's name and without a trailing slash.
#[must_use]
pub fn path_within_api(path: &str) -> &str {
    let path = path.strip_prefix("/api/").unwrap_or(path.strip_prefix('/').unwrap_or(path));
    path.strip_suffix('/').unwrap_or(path)
}

/// Reads a path that ends in an operation.
///
/// # Errors
///
/// [`ApiError::UnknownRoute`] unless the path is one of the bases of an operation.
pub fn route<'a>(path: &'a str, protocol: &Protocol) -> Result<Route<'a>, ApiError> {
    let within = path_within_api(path);
    match protocol.api {
        Api::OpenAi => {}
        Api::Anthropic => return anthropic::route(path, protocol),
        Api::Inference => {
            let is_there = within.strip_prefix("models/") == Some(protocol.path);
            let route = Route { style: PathStyle::OpenAi, deployment: None };
            return if is_there { Ok(route) } else { Err(ApiError::UnknownRoute) };
        }
    }
    if within == protocol.path && path.starts_with(STAGE) {
        return Ok(Route { style: PathStyle::OpenAi, deployment: None });
    }
    let base = within
        .strip_suffix(protocol.path)
        .and_then(|base| base.strip_suffix('/'))
        .ok_or(ApiError::UnknownRoute)?;
    if protocol.has_engine_path
        && let Some((base, engine)) = base.split_once("/engines/")
        && !engine.is_empty()
        && !engine.contains('/')
    {
        return match base {
            "v1" => Ok(Route { style: PathStyle::OpenAi, deployment: Some(engine) }),
            "openai/v1" => Ok(Route { style: PathStyle::Azure, deployment: Some(engine) }),
            _ => Err(ApiError::UnknownRoute),
        };
    }
    match base {
        "v1" | "openai-proxy" | "v1/v1" | "v1/openai/v1" => {
            Ok(Route { style: PathStyle::OpenAi, deployment: None })
        }
        "models" if protocol.has_inference_path => {
            Ok(Route { style: PathStyle::OpenAi, deployment: None })
        }
        "openai/v1" => Ok(Route { style: PathStyle::Azure, deployment: None }),
        "openai" | "v1/openai" if !protocol.is_below_deployment() => {
            Ok(Route { style: PathStyle::Azure, deployment: None })
        }
        _ if !protocol.is_below_deployment() => Err(ApiError::UnknownRoute),
        _ => {
            let base = base.strip_prefix("v1/").unwrap_or(base);
            let deployment = base
                .strip_prefix("openai/deployments/")
                .filter(|deployment| !deployment.is_empty() && !deployment.contains('/'))
                .ok_or(ApiError::UnknownRoute)?;
            Ok(Route { style: PathStyle::Azure, deployment: Some(deployment) })
        }
    }
}

/// The rest of a path below the operation's own, under any base; nothing if it ends there.
///
/// # Errors
///
/// [`ApiError::UnknownRoute`] unless the path is the operation's or below it.
pub fn below(path: &str, operation: Operation) -> Result<Option<&str>, ApiError> {
    let operation_path = Protocol::of(operation).path;
    let is_in_stage = path.starts_with(STAGE);
    let path = path_within_api(path);
    if path == operation_path && is_in_stage {
        return Ok(None);
    }
    let bases =
        ["v1/openai/v1/", "v1/openai/", "openai/v1/", "openai-proxy/", "openai/", "v1/v1/", "v1/"];
    let rest = bases
        .iter()
        .find_map(|base| path.strip_prefix(base)?.strip_prefix(operation_path))
        .or_else(|| path.strip_prefix(operation_path).filter(|_| is_in_stage))
        .ok_or(ApiError::UnknownRoute)?;
    match rest.strip_prefix('/') {
        None if rest.is_empty() => Ok(None),
        Some(below) if !below.is_empty() => Ok(Some(below)),
        None | Some(_) => Err(ApiError::UnknownRoute),
    }
}

/// Checks a query string: `api-version` once and in Azure's form, the rest well formed. None of it
/// goes upstream.
///
/// # Errors
///
/// [`ApiError::BadRequest`] that names the parameter.
pub fn check_query(query: Option<&str>) -> Result<(), ApiError> {
    let mut versions = 0;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key.is_empty() || !is_percent_encoded(key) || !is_percent_encoded(value) {
            return Err(ApiError::bad(
                BadRequestCode::InvalidValue,
                None,
                "The query string is malformed. Only api-version is used; leave out the rest.",
            ));
        }
        if key.eq_ignore_ascii_case("api-version") {
            versions += 1;
            if versions > 1 || !is_api_version(value) {
                return Err(ApiError::bad(
                    BadRequestCode::InvalidValue,
                    Some("api-version"),
                    "The api-version must be given once, as a date such as 2024-10-21 or \
                     2024-10-01-preview, or as v1, preview or latest. Any of them will do.",
                ));
            }
        }
    }
    Ok(())
}

fn is_percent_encoded(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_well_formed = match byte {
            b'%' => {
                let mut hex = || bytes.next().is_some_and(|b| b.is_ascii_hexdigit());
                hex() && hex()
            }
            _ => byte.is_ascii_graphic(),
        };
        if !is_well_formed {
            return false;
        }
    }
    true
}

pub(crate) fn is_api_version(text: &str) -> bool {
    if matches!(text, "v1" | "preview" | "latest") {
        return true;
    }
    let date = text.strip_suffix("-preview").unwrap_or(text).as_bytes();
    date.len() == 10
        && date.iter().enumerate().all(|(i, byte)| match i {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str, operation: Operation) -> Result<Route<'_>, ApiError> {
        super::route(path, Protocol::of(operation))
    }

    #[test]
    fn every_base_leads_to_its_operation() {
        let chat =
            |path| route(path, Operation::ChatCompletions).ok().map(|r| (r.style, r.deployment));
        let openai = Some((PathStyle::OpenAi, None));
        assert_eq!(chat("/api/v1/chat/completions"), openai);
        assert_eq!(chat("/api/v1/chat/completions/"), openai);
        assert_eq!(chat("/v1/chat/completions"), openai);
        assert_eq!(chat("/api/openai-proxy/chat/completions"), openai);
        assert_eq!(chat("/api/openai/v1/chat/completions"), Some((PathStyle::Azure, None)));
        assert_eq!(chat("/api/chat/completions"), openai);
        assert_eq!(chat("/api/v1/v1/chat/completions"), openai);
        assert_eq!(chat("/api/v1/openai/v1/chat/completions"), openai);
        let azure = Some((PathStyle::Azure, Some("gpt-4o")));
        assert_eq!(chat("/api/openai/deployments/gpt-4o/chat/completions"), azure);
        assert_eq!(chat("/api/v1/openai/deployments/gpt-4o/chat/completions"), azure);
    }

    #[test]
    fn an_engine_path_names_the_model_of_legacy_completions_only() {
        let legacy = Route { style: PathStyle::OpenAi, deployment: Some("davinci") };
        let path = "/api/v1/engines/davinci/completions";
        assert_eq!(route(path, Operation::Completions).unwrap(), legacy);
        for path in [
            "/api/v1/engines//completions",
            "/api/v1/engines/a/b/completions",
            "/api/openai-proxy/engines/davinci/completions",
            "/api/v1/chat/completions",
        ] {
            assert!(route(path, Operation::Completions).is_err(), "{path}");
        }
        let chat = "/api/v1/engines/davinci/chat/completions";
        assert!(route(chat, Operation::ChatCompletions).is_err());
    }

    #[test]
    fn other_paths_are_unknown() {
        for path in [
            "/",
            "",
            "/api/v1/embeddings",
            "/api/v2/chat/completions",
            "/api/v1//chat/completions",
            "/api/openai/deployments//chat/completions",
            "/api/openai/deployments/a/b/chat/completions",
            "/api/openai/chat/completions",
            "/chat/completions",
            "/api/v1/chat/completions/x",
        ] {
            assert!(route(path, Operation::ChatCompletions).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_below_an_operation_is_found_under_each_base() {
        let rest = |path: &str| {
            let found = below(path, Operation::Responses).ok();
            found.map(|rest| rest.unwrap_or("nothing").to_owned())
        };
        for base in ["/api", "/api/v1", "/api/v1/v1", "/api/openai", "/api/v1/openai/v1"] {
            assert_eq!(rest(&format!("{base}/responses")).as_deref(), Some("nothing"), "{base}");
            let compact = format!("{base}/responses/compact");
            assert_eq!(rest(&compact).as_deref(), Some("compact"), "{base}");
        }
        assert_eq!(rest("/api/responses/").as_deref(), Some("nothing"));
        for path in ["/responses/compact", "/api/responsesx", "/api/x/responses/y"] {
            assert_eq!(rest(path), None, "{path}");
        }
    }

    #[test]
    fn the_query_may_hold_azures_version_and_nothing_odd() {
        for query in [
            "",
            "api-version=2024-10-21",
            "api-version=2025-04-01-preview",
            "api-version=v1",
            "a=b&c",
            "a=%20",
        ] {
            assert!(check_query(Some(query)).is_ok(), "{query}");
        }
        for query in [
            "api-version=",
            "api-version=1",
            "api-version=2024-10-21%26x=y",
            "api-version=v1&api-version=v1",
            "a=%2",
            "=x",
            "a=%zz",
            "api-version=2024-1-21",
        ] {
            assert!(check_query(Some(query)).is_err(), "{query}");
        }
    }
}
