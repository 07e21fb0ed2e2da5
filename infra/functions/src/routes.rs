//! The paths of requests, and the bases under which clients expect them.

/// A base URL that a client may be set up with, below the stage.
#[derive(Debug, PartialEq, Eq)]
struct Base {
    /// The prefix of the names of its events in the template.
    event: &'static str,
    prefix: &'static str,
}

const V1: Base = Base { event: "V1", prefix: "/v1" };
const OPENAI_V1: Base = Base { event: "OpenaiV1", prefix: "/openai/v1" };
const AZURE: Base = Base { event: "Openai", prefix: "/openai" };
const V1_AZURE: Base = Base { event: "V1Openai", prefix: "/v1/openai" };
const DEPLOYMENT: Base = Base { event: "Deployments", prefix: "/openai/deployments/{deployment}" };
const V1_DEPLOYMENT: Base =
    Base { event: "V1Deployments", prefix: "/v1/openai/deployments/{deployment}" };
const OPENAI_PROXY: Base = Base { event: "OpenaiProxy", prefix: "/openai-proxy" };
/// For tools that forget `/v1`.
const BARE: Base = Base { event: "Bare", prefix: "" };
/// For tools that append `/v1` to an address that ends in it.
const V1_V1: Base = Base { event: "V1V1", prefix: "/v1/v1" };
const V1_OPENAI_V1: Base = Base { event: "V1OpenaiV1", prefix: "/v1/openai/v1" };
/// Where Anthropic's SDKs for Foundry append `/v1`.
const ANTHROPIC: Base = Base { event: "Anthropic", prefix: "/anthropic" };
const ANTHROPIC_V1: Base = Base { event: "AnthropicV1", prefix: "/anthropic/v1" };
/// What the SDKs of Azure AI Inference call.
const MODELS: Base = Base { event: "Models", prefix: "/models" };
const ROOT: Base = Base { event: "", prefix: "" };

/// The bases under which a kind of path is served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bases(&'static [Base]);

/// Operations on a model, which Azure serves below a deployment.
pub(crate) const BELOW_DEPLOYMENTS: Bases =
    Bases(&[V1, OPENAI_V1, DEPLOYMENT, V1_DEPLOYMENT, OPENAI_PROXY]);
/// Operations on a model for which Azure's SDKs name no deployment in the path.
pub(crate) const MODEL_IN_BODY: Bases = Bases(&[AZURE, V1_AZURE]);
/// Everything else that clients ask for whose base URL names a deployment.
pub(crate) const UNDER_A_DEPLOYMENT: Bases = Bases(&[DEPLOYMENT, V1_DEPLOYMENT]);
/// Resources, which Azure serves beside its deployments.
pub(crate) const BESIDE_DEPLOYMENTS: Bases = Bases(&[V1, OPENAI_V1, AZURE, V1_AZURE, OPENAI_PROXY]);
/// Paths that tools call if their base URL is not set up exactly. API Gateway allows 300 resources,
/// so not every path has this.
pub(crate) const ALMOST: Bases = Bases(&[BARE, V1_V1, V1_OPENAI_V1]);
/// Operations in Anthropic's format, also for tools whose address ends in `/v1` or lacks it.
pub(crate) const ANTHROPICS: Bases = Bases(&[V1, ANTHROPIC_V1, V1_V1, ANTHROPIC, BARE]);
/// What Anthropic's API has beside OpenAI's under the same name.
pub(crate) const ANTHROPICS_ALONE: Bases = Bases(&[ANTHROPIC_V1]);
/// Operations of Azure AI Inference: <https://learn.microsoft.com/rest/api/aifoundry/modelinference/>.
pub(crate) const INFERENCE: Bases = Bases(&[MODELS]);
/// Paths of OpenAI that Azure does not serve.
pub(crate) const OPENAI_ONLY: Bases = Bases(&[V1, OPENAI_V1]);
/// Paths of Lanyard's own.
pub(crate) const OURS: Bases = Bases(&[V1, OPENAI_V1, OPENAI_PROXY]);
/// Paths below `/v1` alone.
pub(crate) const V1_ONLY: Bases = Bases(&[V1]);
/// Paths without a base.
pub(crate) const NO_BASE: Bases = Bases(&[ROOT]);

impl Bases {
    /// A path below these bases. `event` distinguishes its events in the template from the
    /// function's others.
    pub(crate) const fn at(self, event: &'static str, path: &'static str) -> Routes {
        Routes { bases: self, event, path }
    }
}

/// A path below some bases.
#[derive(Clone, Copy, Debug)]
pub struct Routes {
    bases: Bases,
    event: &'static str,
    path: &'static str,
}

/// A path in API Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The name of its event in the template.
    pub event: String,
    /// The path below the stage: `{name}` is a segment, `{name+}` the rest.
    pub path: String,
    /// Whether the same path is served below `/v1`, or below no base, as well.
    pub is_alias: bool,
}

impl Routes {
    /// One route for each base.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Route> {
        self.bases.0.iter().map(|base| Route {
            event: format!("{}{}", base.event, self.event),
            path: format!("{}{}", base.prefix, self.path),
            is_alias: *base != V1 && *base != ROOT,
        })
    }
}
