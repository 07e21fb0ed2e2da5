//! One operation, and how it is written in the description.

use http::Method;
use lanyard_protocol::documentation::Field;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Makes a schema, and adds the schemas that it needs.
pub(crate) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Attendee,
    Organiser,
    Anybody,
}

/// A body that an operation reads or returns.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// JSON of ours.
    Json(MakeSchema),
    /// JSON of ours, or a CSV.
    JsonOrCsv(MakeSchema),
    /// JSON that OpenAI describes, of which these fields are governed here. By the name of the
    /// schema.
    Governed(&'static str, &'static [Field]),
    /// JSON that OpenAI describes.
    OpenAi,
    /// A form that OpenAI describes.
    OpenAiForm,
    /// Anything else, by its content type.
    Text(&'static str),
}

/// An operation of the API.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) tag: &'static str,
    pub(crate) summary: String,
    pub(crate) description: Option<String>,
    pub(crate) caller: Caller,
    pub(crate) query: Vec<Parameter>,
    pub(crate) body: Option<Content>,
    /// Whether the body may be left out.
    pub(crate) is_body_optional: bool,
    pub(crate) response: Content,
    /// The statuses of success.
    pub(crate) statuses: &'static [u16],
    /// Where the public description of the operation is.
    pub(crate) link: Option<String>,
}

/// A parameter of the query.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) schema: Value,
    pub(crate) description: Option<&'static str>,
    pub(crate) is_required: bool,
}

impl Parameter {
    /// An optional parameter.
    pub(crate) fn new(name: &'static str, schema: Value) -> Self {
        Self { name, schema, description: None, is_required: false }
    }

    /// The parameters of a page.
    pub(crate) fn page() -> Vec<Self> {
        let limit = json!({"type": "integer", "minimum": 1, "maximum": 100});
        let cursor = Self::new("cursor", json!({"type": "string"}));
        let what = Some("The value of `next` in the page before.");
        vec![Self::new("limit", limit), Self { description: what, ..cursor }]
    }

    fn to_json(&self) -> Value {
        let mut parameter = json!({"name": self.name, "in": "query", "schema": self.schema});
        if let Some(description) = self.description {
            parameter["description"] = description.into();
        }
        if self.is_required {
            parameter["required"] = true.into();
        }
        parameter
    }
}

impl Operation {
    /// An operation of attendees. By default it returns 200 with OpenAI's JSON.
    pub(crate) fn new(method: Method, path: &str, id: &str, summary: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            id: id.to_owned(),
            tag: "Attendees",
            summary: summary.to_owned(),
            description: None,
            caller: Caller::Attendee,
            query: Vec::new(),
            body: None,
            is_body_optional: false,
            response: Content::OpenAi,
            statuses: &[200],
            link: None,
        }
    }

    /// With a body.
    pub(crate) fn reads(self, body: Content) -> Self {
        Self { body: Some(body), ..self }
    }

    /// With a body that may be left out.
    pub(crate) fn may_read(self, body: Content) -> Self {
        Self { body: Some(body), is_body_optional: true, ..self }
    }

    /// With another response.
    pub(crate) fn returns(self, response: Content) -> Self {
        Self { response, ..self }
    }

    /// With other statuses of success.
    pub(crate) fn with_statuses(self, statuses: &'static [u16]) -> Self {
        Self { statuses, ..self }
    }

    /// With a description.
    pub(crate) fn describes(self, description: &str) -> Self {
        Self { description: Some(description.to_owned()), ..self }
    }

    /// With a link: an address, or a page below OpenAI's API reference.
    pub(crate) fn links(self, page: &str) -> Self {
        let link = match page.starts_with("https://") {
            true => page.to_owned(),
            false => format!("https://platform.openai.com/docs/api-reference/{page}"),
        };
        Self { link: Some(link), ..self }
    }

    /// The operation as OpenAPI JSON.
    pub(crate) fn to_json(&self, schemas: &mut SchemaGenerator) -> Value {
        let mut operation = json!({
            "tags": [self.tag],
            "operationId": self.id,
            "summary": self.summary,
            "responses": self.responses(schemas),
        });
        if let Some(description) = &self.description {
            operation["description"] = description.as_str().into();
        }
        if let Some(url) = &self.link {
            operation["externalDocs"] = json!({"url": url});
        }
        match self.caller {
            Caller::Attendee => {}
            Caller::Organiser => operation["security"] = json!([{"organiserToken": []}]),
            Caller::Anybody => operation["security"] = json!([]),
        }
        if !self.query.is_empty() {
            let parameters: Vec<_> = self.query.iter().map(Parameter::to_json).collect();
            operation["parameters"] = parameters.into();
        }
        if let Some(body) = self.body {
            let is_required = !self.is_body_optional;
            operation["requestBody"] =
                json!({"required": is_required, "content": body.to_json(schemas)});
        }
        operation
    }

    fn responses(&self, schemas: &mut SchemaGenerator) -> Value {
        let mut responses = Map::new();
        for status in self.statuses {
            let description = if *status == 201 { "Created." } else { "Done." };
            let content = self.response.to_json(schemas);
            let response = json!({"description": description, "content": content});
            responses.insert(status.to_string(), response);
        }
        // Clients of Anthropic get errors in its shape.
        let is_anthropics =
            ["/v1/messages", "/v1/models"].iter().any(|of| self.path.starts_with(of));
        let error = match self.caller {
            Caller::Organiser => "OrganiserError",
            Caller::Attendee | Caller::Anybody if is_anthropics => "ErrorOfEitherApi",
            Caller::Attendee | Caller::Anybody => "Error",
        };
        responses.insert(
            "default".to_owned(),
            json!({"$ref": format!("#/components/responses/{error}")}),
        );
        responses.into()
    }
}

impl Content {
    fn to_json(self, schemas: &mut SchemaGenerator) -> Value {
        let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let (kind, schema) = match self {
            Self::Json(make) => ("application/json", make(schemas).to_value()),
            Self::JsonOrCsv(make) => {
                let schema = make(schemas).to_value();
                return json!({
                    "application/json": {"schema": schema},
                    "text/csv": {"schema": {"type": "string"}},
                });
            }
            Self::Governed(name, properties) => {
                let properties: Map<_, _> = properties
                    .iter()
                    .map(|(name, schema)| ((*name).to_owned(), parsed(schema)))
                    .collect();
                let schema = json!({
                    "type": "object",
                    "description": "The fields that Lanyard checks. Others are OpenAI's.",
                    "properties": properties,
                });
                schemas.definitions_mut().insert(name.to_owned(), schema);
                ("application/json", reference(name))
            }
            Self::OpenAi => ("application/json", reference("AnyObject")),
            Self::OpenAiForm => ("multipart/form-data", reference("Form")),
            Self::Text(kind) => (kind, json!({"type": "string"})),
        };
        json!({kind: {"schema": schema}})
    }
}

/// A schema that a protocol carries as text.
#[expect(clippy::expect_used, reason = "a mistake of ours, which a test of the protocols finds")]
fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("a schema is JSON")
}
