//! What attendees call: models, and what is beside them.

use http::Method;
use lanyard_administration::schema::{requests, responses};
use lanyard_gateway::people::schema as people;
use lanyard_protocol::documentation::Documentation;
use lanyard_protocol::{Api, Protocol, compact};
use serde_json::json;

use crate::operation::{Content, Operation, Parameter};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

pub(crate) fn operations() -> Vec<Operation> {
    let mut operations = models();
    operations.extend(beside_models());
    operations
}

/// The calls to models, as their protocols describe them.
fn models() -> Vec<Operation> {
    let all = || lanyard_domain::operation::Operation::ALL.iter().copied().map(Protocol::of);
    let counting = all().filter_map(|protocol| protocol.counting).map(|it| &it.protocol);
    let beside = all().flat_map(|protocol| protocol.beside).copied();
    let protocols = all().chain([&compact::COMPACT, &compact::INPUT_TOKENS]);
    let protocols = protocols.chain(beside).chain(counting);
    let mut operations = Vec::new();
    for protocol in protocols {
        let Some(documentation) = &protocol.documentation else { continue };
        let base = if protocol.api == Api::Inference { "models" } else { "v1" };
        operations.push(call(format!("/{base}/{}", protocol.path), documentation));
        if protocol.has_engine_path {
            let by_engine =
                call(format!("/v1/engines/{{engine}}/{}", protocol.path), documentation);
            operations.push(Operation {
                id: format!("{}ByEngine", by_engine.id),
                summary: format!("{}, with the model in the path", by_engine.summary),
                ..by_engine
            });
        }
    }
    operations
}

fn call(path: String, documentation: &'static Documentation) -> Operation {
    let body = match documentation.body {
        Some((schema, fields)) => Content::Governed(schema, fields),
        None => Content::OpenAiForm,
    };
    let response = match documentation.response {
        "application/json" => Content::OpenAi,
        other => Content::Text(other),
    };
    let operation = Operation::new(POST, &path, documentation.id, documentation.title)
        .links(documentation.page)
        .reads(body)
        .returns(response);
    Operation { description: documentation.note.map(ToOwned::to_owned), ..operation }
}

fn beside_models() -> Vec<Operation> {
    let replica = || Parameter::new("replica", json!({"type": "string"}));
    vec![
        Operation::new(POST, "/v1/responses/{id}/rate", "rate", "Rates a response")
            .reads(Content::Json(people::rating))
            .returns(Content::Json(people::rated)),
        Operation::new(GET, "/v1/models", "listModels", "What the event offers")
            .links("models/list")
            .returns(Content::Json(models::schema::list)),
        Operation::new(GET, "/v1/models/{model}", "showModel", "One model")
            .links("models/retrieve")
            .returns(Content::Json(models::schema::model)),
        Operation::new(GET, "/v1/deployments", "listOwnDeployments", "Deployments of your own")
            .returns(Content::Json(responses::own_deployments)),
        Operation::new(GET, "/v1/deployments/{name}", "showOwnDeployment", "One of them")
            .returns(Content::Json(responses::own_deployments)),
        Operation::new(
            PUT,
            "/v1/deployments/{name}",
            "putOwnDeployment",
            "Adds or changes a deployment of your own",
        )
        .describes("It is called with a key: an identity is only for the event's deployments.")
        .reads(Content::Json(requests::deployment_draft))
        .returns(Content::Json(responses::own_deployment))
        .with_statuses(&[200, 201]),
        Operation {
            query: vec![replica()],
            ..Operation::new(
                DELETE,
                "/v1/deployments/{name}",
                "deleteOwnDeployment",
                "Deletes a deployment of your own",
            )
            .returns(Content::Json(responses::deleted_deployment))
        },
    ]
}
