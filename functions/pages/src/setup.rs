//! `GET /api/setup/{tool}`: the configuration of a coding tool or SDK, with the address and the
//! model filled in.
//!
//! The credential is never part of it, because addresses are logged. A file names the environment
//! variable `LANYARD_KEY`, or has `CODE/USER` in its place.

use http::header::HOST;
use lanyard_domain::models::{DEFAULT_MODEL, ModelFacts};
use lanyard_domain::operation::Operation;
use lanyard_gateway::error::BadRequestCode;
use lanyard_gateway::{ApiError, Request, headers};

/// A configuration file, or lines for a shell. `{base}` and `{model}` are filled in.
struct Tool {
    /// The last segment of the path.
    name: &'static str,
    /// The file in `../setup`.
    file: &'static str,
    text: &'static str,
}

macro_rules! tools {
    ($($name:literal: $file:literal),* $(,)?) => {
        [$(Tool { name: $name, file: $file, text: include_str!(concat!("../setup/", $file)) }),*]
    };
}

const TOOLS: &[Tool] = &tools![
    "agent-framework": "agent-framework.py",
    "ai-sdk": "ai-sdk.mjs",
    "aider": "aider.sh",
    "anthropic": "anthropic.py",
    "azure-ai-projects": "azure-ai-projects.py",
    "azure-openai": "azure-openai.py",
    "claude-code": "claude-code.sh",
    "cline": "cline.sh",
    "codex": "codex.toml",
    "continue": "continue.yaml",
    "copilot": "copilot.sh",
    "copilot-claude": "copilot-claude.sh",
    "kilo": "kilo.json",
    "langchain": "langchain.py",
    "llm": "llm.yaml",
    "mastra": "mastra.mjs",
    "openai": "openai.py",
    "openai-agents": "openai-agents.py",
    "opencode": "opencode.json",
    "pi": "pi.json",
    "pi-claude": "pi-claude.json",
    "qwen-code": "qwen-code.sh",
    "semantic-kernel": "semantic-kernel.py",
];

/// Where tools look for their file. The others have lines to run or to copy.
const PLACES: [(&str, &str); 7] = [
    ("codex", "~/.codex/config.toml"),
    ("continue", "~/.continue/config.yaml"),
    ("kilo", "~/.config/kilo/kilo.json"),
    ("llm", "extra-openai-models.yaml"),
    ("opencode", "~/.config/opencode/opencode.json"),
    ("pi", "~/.pi/agent/models.json"),
    ("pi-claude", "~/.pi/agent/models.json"),
];

/// The tools that speak Anthropic's format.
const SPEAK_MESSAGES: [&str; 4] = ["anthropic", "claude-code", "copilot-claude", "pi-claude"];

/// The model of their configurations, unless the query has another.
const CLAUDE: &str = "claude-sonnet-5";

/// The longest name of a deployment.
const LONGEST_MODEL: usize = 64;

/// A configuration, and the name to save it under.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) text: String,
    /// Absent for the list of tools.
    pub(crate) file_name: Option<String>,
}

impl Tool {
    /// The name that the tool looks for. Otherwise one that no program takes for its own: a script
    /// `openai.py` would be the package `openai`.
    fn file_name(&self) -> String {
        let place = PLACES.iter().find(|(name, _)| *name == self.name);
        match place.and_then(|(_, place)| place.rsplit('/').next()) {
            Some(file) => file.to_owned(),
            None => format!("lanyard-{}", self.file),
        }
    }
}

/// The configuration at a path below `setup`. Without a tool, the list of tools, one a line.
///
/// # Errors
///
/// 400 for a tool that is not known, and for a model that cannot be a deployment's name.
pub(crate) fn setup(below: &str, request: &Request) -> Result<Setup, ApiError> {
    let name = below.trim_matches('/');
    if name.is_empty() {
        let text = TOOLS.iter().map(|tool| format!("{}\n", tool.name)).collect();
        return Ok(Setup { text, file_name: None });
    }
    let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
        let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
        let message = format!("This tool is not known. There are: {}.", names.join(", "));
        return Err(ApiError::bad(BadRequestCode::InvalidValue, Some("tool"), message));
    };
    let usual = if SPEAK_MESSAGES.contains(&name) { CLAUDE } else { DEFAULT_MODEL };
    let model = model(request.http.uri().query())?.unwrap_or(usual);
    expect_served(tool, model)?;
    let text = tool.text.replace("{base}", &base(request)).replace("{model}", model);
    Ok(Setup { text, file_name: Some(tool.file_name()) })
}

/// Refuses a model that the tool cannot use: Claude has a format of its own. A model that is not known
/// by its name may be any.
fn expect_served(tool: &Tool, model: &str) -> Result<(), ApiError> {
    let speaks_messages = SPEAK_MESSAGES.contains(&tool.name);
    let is_claude = ModelFacts::of(model).and_then(|facts| facts.serves(Operation::Messages));
    if is_claude.is_none_or(|is_claude| is_claude == speaks_messages) {
        return Ok(());
    }
    let message = match speaks_messages {
        true => "This tool works with models of Claude only.",
        false => {
            "This tool cannot use models of Claude. claude-code, copilot-claude, pi-claude and anthropic can."
        }
    };
    let message = format!("{message} GET /api/v1/models lists the models of the event.");
    Err(ApiError::bad(BadRequestCode::InvalidValue, Some("model"), message))
}

/// The model that the query names. Its characters need no quotes in any of the files.
fn model(query: Option<&str>) -> Result<Option<&str>, ApiError> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let model = pairs.filter(|(name, _)| *name == "model").map(|(_, model)| model).next();
    let is_plain = |model: &str| {
        (1..=LONGEST_MODEL).contains(&model.len())
            && model.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match model {
        Some(model) if is_plain(model) => Ok(Some(model)),
        None => Ok(None),
        Some(_) => Err(ApiError::bad(
            BadRequestCode::InvalidValue,
            Some("model"),
            "model must be the name of a model of the event. GET /api/v1/models lists them.",
        )),
    }
}

/// The address of the API, up to and including its stage, as the client wrote it.
fn base(request: &Request) -> String {
    let http = &request.http;
    let (stage, _) = http.uri().path().split_once("/setup").unwrap_or_default();
    let plain = |name| {
        let value = http.headers().get(name)?.to_str().ok()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
        (!value.is_empty() && value.bytes().all(is_plain)).then_some(value)
    };
    let scheme = plain(headers::FORWARDED_PROTO).unwrap_or("http");
    let host = plain(HOST).unwrap_or("HOST");
    format!("{scheme}://{host}{stage}")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn get(path: &str) -> Result<String, ApiError> {
        read(path).map(|setup| setup.text)
    }

    fn read(path: &str) -> Result<Setup, ApiError> {
        let http = http::Request::get(path)
            .header("host", "event.example.org")
            .header("x-forwarded-proto", "https")
            .body(Bytes::new())
            .unwrap();
        let below = http.uri().path().split_once("/setup").unwrap().1.to_owned();
        let id = format!("req_{:032x}", 1).parse().unwrap();
        let now = "2026-12-05T09:00:00Z".parse().unwrap();
        setup(&below, &Request { id, now, deadline: None, http })
    }

    #[test]
    fn each_tool_gets_the_address_and_the_model_and_no_place_is_left_unfilled() {
        for tool in TOOLS {
            let text = get(&format!("/api/setup/{}?model=prod-smart", tool.name)).unwrap();
            assert!(text.contains("https://event.example.org/api"), "{}: {text}", tool.name);
            assert!(text.contains("prod-smart"), "{}: {text}", tool.name);
            assert!(!text.contains("{base}") && !text.contains("{model}"), "{}: {text}", tool.name);
        }
        assert!(get("/api/setup/codex").unwrap().contains(DEFAULT_MODEL));
        for tool in SPEAK_MESSAGES {
            assert!(get(&format!("/api/setup/{tool}")).unwrap().contains(CLAUDE), "{tool}");
        }
    }

    #[test]
    fn a_file_has_the_name_that_its_tool_looks_for_and_none_hides_a_package() {
        let name = |tool: &str| read(&format!("/api/setup/{tool}")).unwrap().file_name.unwrap();
        assert_eq!(name("codex"), "config.toml");
        assert_eq!(name("opencode"), "opencode.json");
        assert_eq!(
            (name("openai"), name("mastra")),
            ("lanyard-openai.py".to_owned(), "lanyard-mastra.mjs".to_owned())
        );
        assert_eq!(read("/api/setup").unwrap().file_name, None);
        for tool in TOOLS {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
            assert!(tool.file_name().bytes().all(plain), "{}", tool.file_name());
        }
    }

    #[test]
    fn the_page_says_where_each_file_goes() {
        let page = include_str!("../web/setups.js");
        for (tool, place) in PLACES {
            assert!(TOOLS.iter().any(|known| known.name == tool), "{tool}");
            let line = [format!("  {tool}: \"{place}\","), format!("  \"{tool}\": \"{place}\",")];
            assert!(line.iter().any(|line| page.contains(line)), "{tool} goes to {place}");
        }
    }

    #[test]
    fn a_model_that_a_tool_cannot_use_is_refused() {
        for tool in TOOLS {
            let with = |model: &str| get(&format!("/api/setup/{}?model={model}", tool.name));
            let speaks_messages = SPEAK_MESSAGES.contains(&tool.name);
            assert_eq!(with("gpt-5-mini").is_err(), speaks_messages, "{}", tool.name);
            assert_eq!(with("claude-sonnet-5").is_ok(), speaks_messages, "{}", tool.name);
            assert!(with("prod-smart").is_ok(), "{}", tool.name);
        }
    }

    #[test]
    fn a_script_that_reads_the_key_says_how_it_is_set() {
        for tool in TOOLS.iter().filter(|tool| !tool.file.ends_with(".json")) {
            let reads = tool.text.contains("LANYARD_KEY");
            assert!(
                !reads
                    || tool.text.contains("LANYARD_KEY='CODE/USER'")
                    || tool.text.contains("LANYARD_KEY=CODE/USER"),
                "{}",
                tool.name
            );
        }
    }

    #[test]
    fn the_list_names_every_tool() {
        let list = get("/api/setup").unwrap();
        assert_eq!(list.lines().count(), TOOLS.len());
        assert!(list.contains("opencode\n"), "{list}");
    }

    #[test]
    fn json_files_are_json() {
        for tool in ["opencode", "pi", "pi-claude"] {
            let text = get(&format!("/api/setup/{tool}")).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }

    #[test]
    fn unknown_tools_and_malformed_model_names_are_refused() {
        assert!(matches!(get("/api/setup/word"), Err(ApiError::BadRequest { .. })));
        for odd in ["", "a%27b", "a/b", "a'b", "$(id)", &"a".repeat(65)] {
            let response = get(&format!("/api/setup/codex?model={odd}"));
            assert!(matches!(response, Err(ApiError::BadRequest { .. })), "{odd}");
        }
    }
}
