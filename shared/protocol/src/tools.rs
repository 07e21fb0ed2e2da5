//! The tools of a request: which are passed, which are removed, which are refused.
//!
//! Tools that the client executes always pass. Those that Azure hosts follow the event's decision
//! on their type, wherever they are: in `tools`, in items of the input such as `additional_tools`
//! and `tool_search_output`, in namespaces, in attachments of messages, and as `web_search_options`
//! of a chat.

mod additions;
mod allowed;
mod choice;
mod dropped;
mod spelling;

use lanyard_domain::hosted_tools::{
    HostedTool, HostedTools, is_client_executed, is_same_tool, is_type_name,
};
use serde_json::value::RawValue;

use self::allowed::Allowed;
pub(crate) use self::allowed::{asked_uses, with_uses};
pub(crate) use self::dropped::without;
pub(crate) use self::spelling::check_spelling;
use crate::demand::{Caps, HostedUse};
use crate::error::{BodyRefused, invalid, not_allowed};
use crate::payload::Payload;
use crate::tree::Node;
use crate::usage;

/// The most tools of a request, over all places.
const MOST: usize = 128;

/// The fields of a tool that decide what it is.
const GOVERNED: [&str; 3] = ["type", "tools", "environment"];

/// Fields whose values are data or schemas of the client's: a `tools` in them is not a list of
/// tools.
const FREE: [&str; 7] =
    ["arguments", "parameters", "schema", "input_schema", "metadata", "env", "content"];

/// The type that decides on a search in `web_search_options`.
pub(crate) const WEB_SEARCH: &str = "web_search";

/// The type by which servers of MCP are decided on, wherever they stand.
pub(crate) const MCP: &str = "mcp";

/// The type that decides on a shell in a container of Azure's.
const HOSTED_SHELL: &str = "hosted_shell";

/// Where Anthropic's clients name servers of MCP.
pub(crate) const MCP_SERVERS: &str = "mcp_servers";

/// What is decided on the tools of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    /// The types that are removed, each once.
    pub(crate) dropped: Vec<String>,
    /// The choice among those that remain, if it is another than the client's.
    pub(crate) choice: Option<String>,
    /// Those that remain and that Azure executes.
    pub(crate) hosted: Option<HostedUse>,
}

/// The tools of a call of a model.
pub(crate) fn check_call(
    payload: &Payload<'_>,
    input: Option<(&'static str, &Node<'_>)>,
    caps: &Caps<'_>,
) -> Result<Decided, BodyRefused> {
    let mut seen = Seen::new(caps, true);
    if let Some(raw) = payload.field("tools") {
        seen.list("tools", &node("tools", raw)?, false)?;
    }
    if let Some((param, input)) = input {
        seen.items(param, input)?;
    }
    if let Some(raw) = payload.field("functions")
        && let Node::List(functions) = node("functions", raw)?
    {
        seen.keeps_one |= !functions.is_empty();
        seen.count(functions.len())?;
    }
    if payload.field("web_search_options").is_some() {
        seen.hosted("web_search_options", WEB_SEARCH)?;
    }
    seen.decided(payload)
}

/// The tools of a call in Anthropic's format, in which a tool without a type is the client's own.
pub(crate) fn check_messages(
    payload: &Payload<'_>,
    caps: &Caps<'_>,
) -> Result<Decided, BodyRefused> {
    let mut seen = Seen { untyped_is_own: true, ..Seen::new(caps, true) };
    if let Some(raw) = payload.field("tools") {
        seen.list("tools", &node("tools", raw)?, false)?;
    }
    if let Some(raw) = payload.field(MCP_SERVERS)
        && !matches!(node(MCP_SERVERS, raw)?, Node::List(servers) if servers.is_empty())
    {
        seen.hosted(MCP_SERVERS, MCP)?;
    }
    if let Some(raw) = payload.field(additions::MESSAGES)
        && additions::may_be_in(raw.get())
    {
        seen.additions(&node(additions::MESSAGES, raw)?)?;
    }
    seen.decided(payload)
}

/// The tools of an assistant, a thread or a run, and of its messages: none of them is removed.
pub(crate) fn check_all(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<(), BodyRefused> {
    let mut seen = Seen::new(caps, false);
    for (name, raw) in &payload.fields {
        if !raw.get().starts_with(['[', '{']) {
            continue;
        }
        let param = match name.as_ref() {
            "thread" => "thread",
            "messages" => "messages",
            "additional_messages" => "additional_messages",
            "attachments" => "attachments",
            _ => "tools",
        };
        let value = node(param, raw)?;
        if name.eq_ignore_ascii_case("tools") {
            seen.list(param, &value, false)?;
        } else if !FREE.iter().any(|free| name.eq_ignore_ascii_case(free)) {
            seen.below(param, &value)?;
        }
    }
    Ok(())
}

/// The tools of a list of items that is stored as it is.
pub(crate) fn check_items(
    param: &'static str,
    items: &Node<'_>,
    caps: &Caps<'_>,
) -> Result<(), BodyRefused> {
    Seen::new(caps, false).items(param, items)
}

fn node<'a>(param: &str, raw: &'a RawValue) -> Result<Node<'a>, BodyRefused> {
    serde_json::from_str(raw.get()).map_err(|_| invalid(param, "cannot be read"))
}

/// The tools of a request that were seen so far.
struct Seen<'c> {
    hosted: &'c HostedTools,
    /// The context of the model.
    context: u64,
    may_drop: bool,
    /// Whether a tool without a type is one that the client executes.
    untyped_is_own: bool,
    count: usize,
    /// Whether a tool that the client executes remains.
    keeps_one: bool,
    /// The tools that Azure executes and that remain.
    allowed: Allowed,
    dropped: Vec<(String, &'static str)>,
    /// The names of the tools that are removed, where they have one.
    dropped_names: Vec<String>,
    /// The servers of MCP that are removed.
    dropped_labels: Vec<String>,
    /// Whether a shell of the client's remains.
    keeps_shell: bool,
}

impl<'c> Seen<'c> {
    fn new(caps: &Caps<'c>, may_drop: bool) -> Self {
        Self {
            hosted: caps.hosted_tools,
            context: usage::context(caps.facts),
            may_drop,
            untyped_is_own: false,
            count: 0,
            keeps_one: false,
            allowed: Allowed::default(),
            dropped: Vec::new(),
            dropped_names: Vec::new(),
            dropped_labels: Vec::new(),
            keeps_shell: false,
        }
    }

    fn count(&mut self, tools: usize) -> Result<(), BodyRefused> {
        self.count += tools;
        match self.count > MOST {
            true => Err(invalid("tools", &format!("may hold at most {MOST} tools in all places"))),
            false => Ok(()),
        }
    }

    /// A list of tools. `is_listing` if its entries only describe tools, and so may have no type.
    fn list(
        &mut self,
        param: &'static str,
        list: &Node<'_>,
        is_listing: bool,
    ) -> Result<(), BodyRefused> {
        let no_list = || match param {
            "tools" => invalid(param, "must be a list of objects that each have a type"),
            _ => invalid(param, "holds tools that are no list of objects that each have a type"),
        };
        let tools = match list {
            Node::List(tools) => tools,
            Node::Null => return Ok(()),
            Node::Map(_) | Node::Text(_) | Node::Other => return Err(no_list()),
        };
        tools.iter().try_for_each(|tool| match self.entry(param, tool, is_listing)? {
            true => Ok(()),
            false => Err(no_list()),
        })
    }

    /// An entry of a list of tools. Says whether it is one.
    fn entry(
        &mut self,
        param: &'static str,
        tool: &Node<'_>,
        is_listing: bool,
    ) -> Result<bool, BodyRefused> {
        let Node::Map(fields) = tool else { return Ok(false) };
        check_spelling(param, fields.iter().map(|(name, _)| name.as_ref()), &GOVERNED)?;
        match tool.all("type").next() {
            Some(Node::Text(kind)) => self.tool(param, tool, kind)?,
            Some(Node::Null) | None if self.untyped_is_own => {
                self.count(1)?;
                self.keeps_one = true;
            }
            None if is_listing => {}
            Some(_) | None => return Ok(false),
        }
        Ok(true)
    }

    fn tool(
        &mut self,
        param: &'static str,
        tool: &Node<'_>,
        kind: &str,
    ) -> Result<(), BodyRefused> {
        let nested: Vec<_> = tool.all("tools").filter(|nested| **nested != Node::Null).collect();
        let (before, kept_one) = (self.count, self.keeps_one);
        for nested in &nested {
            self.list(param, nested, false)?;
        }
        // A namespace is not a tool itself.
        if self.count == before {
            self.count(1)?;
        }
        if let Some(Node::Map(fields)) = tool.all("environment").next() {
            check_spelling(param, fields.iter().map(|(name, _)| name.as_ref()), &["type"])?;
        }
        let environment = tool.all("environment").next();
        let environment = environment.and_then(|of| of.all("type").next()).and_then(Node::text);
        let kind = governed_type(kind, environment);
        if !is_client_executed(kind) {
            // What a server of MCP lists is not executed by the client.
            self.keeps_one = kept_one;
            let before = self.dropped.len();
            self.hosted(param, kind)?;
            if self.dropped.len() > before {
                let texts = |name| tool.all(name).filter_map(Node::text).map(ToOwned::to_owned);
                self.dropped_names.extend(texts("name"));
                self.dropped_labels.extend(texts("server_label"));
            }
            return Ok(());
        }
        self.keeps_one |= nested.is_empty();
        self.keeps_shell |= is_same_tool(kind, "shell");
        Ok(())
    }

    fn hosted(&mut self, param: &'static str, kind: &str) -> Result<(), BodyRefused> {
        if !is_type_name(kind) {
            return Err(not_allowed(
                param,
                format!("{param} holds a tool of a type that is not known. Leave it out."),
            ));
        }
        match self.hosted.decision(kind) {
            HostedTool::Allow => {
                self.allowed.add(self.untyped_is_own, kind);
                Ok(())
            }
            HostedTool::Drop if self.may_drop => {
                self.dropped.push((kind.to_owned(), param));
                Ok(())
            }
            HostedTool::Drop | HostedTool::Refuse => Err(not_allowed(
                param,
                format!(
                    "This event does not allow tools of the type {kind}. Leave it out of {param}, or ask the organiser to allow it."
                ),
            )),
        }
    }

    /// The items of an input: some carry tools.
    fn items(&mut self, param: &'static str, items: &Node<'_>) -> Result<(), BodyRefused> {
        let Node::List(items) = items else { return Ok(()) };
        for item in items {
            let Node::Map(fields) = item else { continue };
            check_spelling(
                param,
                fields.iter().map(|(name, _)| name.as_ref()),
                &["type", "tools"],
            )?;
            let is_listing = item.all("type").any(|kind| kind.text() == Some("mcp_list_tools"));
            for (name, value) in fields {
                match name.as_ref() {
                    "tools" => self.list(param, value, is_listing)?,
                    name if FREE.contains(&name) => {}
                    _ => self.deep(param, value)?,
                }
            }
        }
        Ok(())
    }

    /// Lists of tools in places that no protocol names: nothing is removed there.
    fn deep(&mut self, param: &'static str, value: &Node<'_>) -> Result<(), BodyRefused> {
        let may_drop = std::mem::replace(&mut self.may_drop, false);
        let seen = self.below(param, value);
        self.may_drop = may_drop;
        seen
    }

    /// Every list of tools in a value, at any depth.
    fn below(&mut self, param: &'static str, value: &Node<'_>) -> Result<(), BodyRefused> {
        match value {
            Node::List(list) => list.iter().try_for_each(|value| self.below(param, value)),
            Node::Map(fields) => fields.iter().try_for_each(|(name, value)| {
                if FREE.iter().any(|free| name.eq_ignore_ascii_case(free)) {
                    return Ok(());
                }
                if name.eq_ignore_ascii_case("tools") && matches!(value, Node::List(_)) {
                    return self.list(param, value, false);
                }
                self.below(param, value)
            }),
            Node::Text(_) | Node::Null | Node::Other => Ok(()),
        }
    }

    /// The types that are removed, unless the request needs them, and what remains.
    fn decided(mut self, payload: &Payload<'_>) -> Result<Decided, BodyRefused> {
        let hosted = self.allowed.hosted_use(self.context);
        let Some((kind, param)) = self.dropped.first() else {
            return Ok(Decided { dropped: Vec::new(), choice: None, hosted });
        };
        if !self.keeps_one {
            return Err(not_allowed(
                param,
                format!(
                    "This event does not allow tools of the type {kind}, and without them no tool is left that your program executes. Leave {kind} out of {param}, or ask the organiser to allow it."
                ),
            ));
        }
        let choice = payload.field("tool_choice").map(|raw| self.choice(raw)).transpose()?;
        self.dropped.sort();
        self.dropped.dedup_by(|one, other| one.0 == other.0);
        let dropped = self.dropped.into_iter().map(|(kind, _)| kind).collect();
        Ok(Decided { dropped, choice: choice.flatten(), hosted })
    }
}

/// The type that decides on a tool: a shell in a container of Azure's is hosted, although a shell
/// of the client's has the same type.
fn governed_type<'k>(kind: &'k str, environment: Option<&str>) -> &'k str {
    match environment {
        Some(environment) if is_same_tool(kind, "shell") && environment != "local" => HOSTED_SHELL,
        Some(_) | None if is_same_tool(kind, "mcp_toolset") => MCP,
        Some(_) | None => kind,
    }
}

#[cfg(test)]
mod tests;
