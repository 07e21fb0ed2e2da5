"""What every agent framework is expected to do: respond, stream, call a tool, continue, fill in a schema, and show errors.

A framework is a module with asynchronous functions, each of which takes a credential:

    ask(key, text)              the response's text
    stream(key, text)           the pieces of the response's text
    use_tool(key, texts, tool)  the response to the last of several turns of one conversation; `tool` is a function
    fill_in(key, text)          an `Animal`, by whatever the framework has for structured output
"""

import contextlib
import functools
import os

from pydantic import BaseModel

from . import organiser
from .checks import TOOLS_MODEL
from .scenarios import named

# No framework sends telemetry, and none downloads the prices of models.
os.environ |= {
    "AGENT_FRAMEWORK_TELEMETRY_DISABLED": "1",
    "DO_NOT_TRACK": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OTEL_SDK_DISABLED": "true",
}

MODEL = TOOLS_MODEL
CALL = 'Call read_weather with {"town": "Oslo", "unit": "celsius"}.'
ANIMAL = "Describe an elephant."
TOO_LATE = "It does not reset"


class Animal(BaseModel):
    """An animal."""

    species: str
    legs: int


class Weather:
    """A tool, and what it was called with."""

    def __init__(self):
        self.calls = []

    def read_weather(self, town: str, unit: str) -> str:
        """Tells the weather of a town."""
        self.calls.append((town, unit))
        return f"rain in {town}, {unit}"


@functools.cache
def usual_event():
    """An event for coding agents, which keeps nothing at Azure."""
    return organiser.event(preset="agents", attendees=100)


@functools.cache
def paused_event():
    """An event that its organiser has paused."""
    event = organiser.event()
    organiser.change(event["id"], "pause")
    return event


@functools.cache
def spent_event():
    """An event whose total is used up."""
    return organiser.spent_event()


def check(framework, label, waits=True):
    """Registers every scenario for one framework, named after the API that it uses. Unless it waits by itself, it is
    expected to show an error that says what the problem is."""
    key = lambda what: f"{usual_event()['code']}/{label}-{what}".replace(" ", "-")

    def scenario(name):
        return named(f"{label}: {name}")

    @scenario("a question gets a response")
    async def _():
        text = await framework.ask(key("ask"), "Why do elephants flap their ears?")
        assert text.startswith("[simulated]") and "flap their ears" in text, text
        assert organiser.usage(key("ask"))["requests"] == 1

    @scenario("a response arrives in pieces")
    async def _():
        pieces = [piece async for piece in framework.stream(key("stream"), "Why do elephants flap their ears?")]
        assert len(pieces) > 5 and "".join(pieces).startswith("[simulated]"), pieces
        assert organiser.usage(key("stream"))["requests"] == 1

    @scenario("a tool is called and its result gets a response")
    async def _():
        weather = Weather()
        text = await framework.use_tool(key("tool"), [CALL], weather.read_weather)
        assert weather.calls == [("Oslo", "celsius")], weather.calls
        assert "rain in Oslo" in text, text
        assert organiser.usage(key("tool"))["requests"] == 2

    @scenario("a conversation goes on after a tool's call")
    async def _():
        weather = Weather()
        turns = ["Say hello.", CALL, "Thank you. And what do elephants eat?"]
        text = await framework.use_tool(key("turns"), turns, weather.read_weather)
        assert weather.calls == [("Oslo", "celsius")], weather.calls
        assert "elephants eat" in text, text
        assert organiser.usage(key("turns"))["requests"] == 4

    @scenario("a schema is filled in")
    async def _():
        animal = await framework.fill_in(key("schema"), ANIMAL)
        assert isinstance(animal.species, str) and isinstance(animal.legs, int), animal

    @scenario("401: an unknown code has a readable message")
    async def _():
        await fails(framework.ask("no-such-code/ada", "Hello"), "No valid event code was sent")

    @scenario("403: a paused event has a readable message")
    async def _():
        await fails(framework.ask(f"{paused_event()['code']}/ada", "Hello"), "The organiser has paused the event")

    @scenario("402: a used-up budget has a readable message")
    async def _():
        await fails(framework.ask(f"{spent_event()['code']}/ada", "Hello"), TOO_LATE)

    @scenario("429: a request too many " + ("waits" if waits else "has a readable message"))
    async def _():
        event = organiser.event(allowances={"attendee": {"in_flight": 1}})
        credential = f"{event['code']}/ada"
        with held(credential):
            if waits:
                assert (await framework.ask(credential, "Hello")).startswith("[simulated]")
            else:
                await fails(framework.ask(credential, "Hello"), "Your allowance of 1 requests at once is used up")


async def fails(asked, words):
    """Expects an error that has these words somewhere in its chain."""
    try:
        text = await asked
    except Exception as error:
        said = []
        while error is not None:
            said.append(" ".join(str(error).split()))
            error = error.__cause__ or error.__context__
        assert any(words in one for one in said), said
        return
    raise AssertionError(f"it should have failed, but said: {text}")


@contextlib.contextmanager
def held(credential):
    """A stream of this attendee that is read no further than its head, so that it is under way for some seconds."""
    schema = {"type": "object", "properties": {"text": {"type": "string", "minLength": 1000}}, "required": ["text"]}
    long = {"type": "json_schema", "json_schema": {"name": "essay", "schema": schema}}
    chat = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "An essay"}], "stream": True,
            "response_format": long}
    with organiser.ask(credential, chat):
        yield
