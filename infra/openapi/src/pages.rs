//! Pages, and what describes the service.

use http::Method;
use serde_json::json;

use crate::operation::{Caller, Content, Operation, Parameter};

pub(crate) fn operations() -> Vec<Operation> {
    let page = |path, id, summary| {
        Operation::new(Method::GET, path, id, summary).returns(Content::Text("text/html"))
    };
    let operations = [
        Operation::new(Method::GET, "/healthz", "health", "Whether a function is reached")
            .returns(Content::Json(pages::schema::health)),
        Operation::new(Method::GET, "/", "reach", "The same at the address itself")
            .returns(Content::Json(pages::schema::health)),
        Operation::new(
            Method::GET,
            "/anthropic",
            "reachAnthropic",
            "The same for Claude's clients",
        )
        .returns(Content::Json(pages::schema::health)),
        Operation::new(Method::GET, "/openapi.json", "describe", "This description"),
        page("/pages", "pagePages", "The attendee's page"),
        page("/pages/dashboard", "pagePagesDashboard", "The organisers' dashboard"),
        page("/pages/handout", "pagePagesHandout", "The handout"),
        page("/docs", "pageDocs", "This description, to read"),
        Operation::new(Method::GET, "/setup", "listTools", "The tools that have a configuration")
            .returns(Content::Text("text/plain")),
        Operation {
            query: vec![Parameter::new("model", json!({"type": "string"}))],
            ..Operation::new(Method::GET, "/setup/{tool}", "setUpTool", "A tool's configuration")
                .describes(
                    "A file or lines for a shell, with the address and the model filled in. The \
                     credential is left to you.",
                )
                .returns(Content::Text("text/plain"))
        },
    ];
    let pages = |operation| Operation { tag: "Pages", caller: Caller::Anybody, ..operation };
    operations.into_iter().map(pages).collect()
}
