//! Step one: who is calling, by which path.

mod anthropic;
mod credentials;

use std::borrow::Cow;

use lanyard_domain::operation::Operation;
use lanyard_protocol::{Api, Placement, Protocol};
use percent_encoding::percent_decode_str;

pub use self::anthropic::error_shape;
pub use self::credentials::{Candidates, Token, bearer, codes, tokens};
use crate::error::ApiError;

/// The style of a client's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStyle {
    /// `/v1/…` and `/openai-proxy/…`: clients of OpenAI's API.
    OpenAi,
    /// `/openai/…`: clients of Azure's.
    Azure,
    /// `/models/…`: clients of Azure AI's inference API.
    Inference,
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
            let route = Route { style: PathStyle::Inference, deployment: None };
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
            Ok(Route { style: PathStyle::Inference, deployment: None })
        }
        "openai/v1" => Ok(Route { style: PathStyle::Azure, deployment: None }),
        "openai" | "v1/openai"
            if protocol.placement == Placement::Resource || protocol.is_asked_at_resource =>
        {
            Ok(Route { style: PathStyle::Azure, deployment: None })
        }
        _ => {
            let below = below_deployments(base).filter(|deployment| !deployment.contains('/'));
            let deployment =
                below.filter(|deployment| !deployment.is_empty()).ok_or(ApiError::UnknownRoute)?;
            Ok(Route { style: PathStyle::Azure, deployment: Some(deployment) })
        }
    }
}

/// What follows the part of an Azure path that announces a deployment: its name first.
fn below_deployments(path: &str) -> Option<&str> {
    path.strip_prefix("v1/").unwrap_or(path).strip_prefix("openai/deployments/")
}

/// A segment of a path without its escapes, as the name of a model may have them
/// (`openai%2Fgpt-4o`).
#[must_use]
pub fn decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8_lossy()
}

/// What clients ask for below a deployment if their base URL names one, and Azure serves elsewhere.
const BESIDE_DEPLOYMENTS: [&str; 9] = [
    "assistants",
    "batches",
    "containers",
    "conversations",
    "files",
    "models",
    "threads",
    "vector_stores",
    "videos",
];

/// The rest of a path below the operation's own, under any base; nothing if it ends there.
///
/// # Errors
///
/// [`ApiError::UnknownRoute`] unless the path is the operation's or below it,
/// [`ApiError::NotBelowDeployment`] if only the deployment in it is too much.
pub fn below(path: &str, operation: Operation) -> Result<Option<&str>, ApiError> {
    let operation_path = Protocol::of(operation).path;
    let is_in_stage = path.starts_with(STAGE);
    let path = path_within_api(path);
    if path == operation_path && is_in_stage {
        return Ok(None);
    }
    let bases =
        ["v1/openai/v1/", "v1/openai/", "openai/v1/", "openai-proxy/", "openai/", "v1/v1/", "v1/"];
    let below_deployment = below_deployments(path).and_then(|below| below.split_once('/'));
    let below_deployment = below_deployment.map(|(_, below)| below);
    let rest = bases
        .iter()
        .find_map(|base| path.strip_prefix(base)?.strip_prefix(operation_path))
        .or_else(|| path.strip_prefix(operation_path).filter(|_| is_in_stage))
        .or_else(|| below_deployment?.strip_prefix(operation_path))
        .ok_or_else(|| {
            let first = below_deployment.and_then(|below| below.split('/').next());
            let known = BESIDE_DEPLOYMENTS.into_iter().find(|known| Some(*known) == first);
            known.map_or(ApiError::UnknownRoute, |path| ApiError::NotBelowDeployment { path })
        })?;
    match rest.strip_prefix('/') {
        None if rest.is_empty() => Ok(None),
        Some(below) if !below.is_empty() => Ok(Some(below)),
        None | Some(_) => Err(ApiError::UnknownRoute),
    }
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
            "/api/openai/deployments/chat/completions",
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
        for base in [
            "/api",
            "/api/v1",
            "/api/v1/v1",
            "/api/openai",
            "/api/v1/openai/v1",
            "/api/openai/deployments/gpt-4o",
            "/api/v1/openai/deployments/gpt-4o",
        ] {
            assert_eq!(rest(&format!("{base}/responses")).as_deref(), Some("nothing"), "{base}");
            let compact = format!("{base}/responses/compact");
            assert_eq!(rest(&compact).as_deref(), Some("compact"), "{base}");
        }
        assert_eq!(rest("/api/responses/").as_deref(), Some("nothing"));
        for path in [
            "/responses/compact",
            "/api/responsesx",
            "/api/x/responses/y",
            "/api/openai/deployments/responses",
            "/api/openai/deployments/gpt-4o/x/responses",
        ] {
            assert_eq!(rest(path), None, "{path}");
        }
    }

    #[test]
    fn what_azure_serves_beside_its_deployments_is_named_where_it_is() {
        for (path, expected) in [
            ("/api/openai/deployments/gpt-4o/files/file-1/content", Some("files")),
            ("/api/v1/openai/deployments/gpt-4o/models", Some("models")),
            ("/api/openai/deployments/gpt-4o/filesystem", None),
            ("/api/openai/deployments/files", None),
            ("/api/openai/v1/files/x/y", None),
        ] {
            let error = below(path, Operation::Responses).unwrap_err();
            let found =
                if let ApiError::NotBelowDeployment { path } = error { Some(path) } else { None };
            assert_eq!(found, expected, "{path}");
        }
    }
}
