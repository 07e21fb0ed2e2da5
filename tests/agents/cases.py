"""What every coding agent is expected to do, and how the accounts are checked at the end."""

import concurrent.futures
import contextlib
import dataclasses
import itertools
import json
import re
import threading
import time

from support import organiser
from tools import Agent, plain
from upstream import Upstream

MODEL = "gpt-5-mini"
# Agents wait a lot.
AT_ONCE = 3
TEXT = "elephants"
# Short, because the simulated model repeats no more than the beginning of a message, and some put the time before it.
QUESTION = "A zebra?"
ECHO = "zebra?"
SECONDS_TO_BE_REFUSED = 120


@dataclasses.dataclass
class Result:
    """How one case of one agent went."""

    agent: str
    case: str
    outcome: str
    why: str = ""
    seconds: float = 0.0


class World:
    """The events at which the cases take place."""

    def __init__(self, up, upstream, run):
        self.up, self.upstream, self._run = up, upstream, run
        # One at a time is refused for being one too many, so that the log says whose refusal it was.
        self.waiting = threading.Lock()
        self.usual = organiser.event(preset="agents", attendees=100)
        self.paused = organiser.event(preset="agents")
        organiser.change(self.paused["id"], "pause")
        self.spent = organiser.spent_event(total=120_000, model=MODEL)
        # Ten turns in less than a minute are more than the usual event has for one.
        self.fast = organiser.event(preset="agents", allowances={"attendee": {"tokens_per_minute": 5_000_000}})
        self.narrow = organiser.event(preset="agents", allowances={"attendee": {"in_flight": 1}})
        # Those of single cases.
        self.others = []

    def run(self, agent, event, *prompts):
        """Runs an agent as an attendee of an event, for each prompt in one session. A prompt may be a function of the
        agent."""
        code = event if isinstance(event, str) else event["code"]
        return self._run(agent, self.up.address, attendee(code, agent),
                         lambda one: [prompt(one) if callable(prompt) else prompt for prompt in prompts])

    def refusals(self, status):
        """How many requests have been refused so."""
        return self.up.log.read_text().count(f"status={status} ")


def label(agent):
    """What an agent is called."""
    return agent.label or agent.name


def attendee(code, agent):
    """The credential of an attendee who is an agent's own."""
    return f"{code}/{label(agent)}".replace(" ", "-")


def is_answer(agent, said):
    """Whether an agent shows the simulated model's answer to the question."""
    return "[simulated]" in said and (not agent.echoes or ECHO in said)


def answers(world, agent):
    """A question is answered, by a stream."""
    credential = attendee(world.usual["code"], agent)
    before = organiser.usage(credential)["requests"]
    code, said, _ = world.run(agent, world.usual, QUESTION)
    assert code == 0 and is_answer(agent, said), (code, said[-2000:])
    assert organiser.usage(credential)["requests"] > before


def edits_a_file(world, agent):
    """A tool is called that writes a file, and its result goes back to the model."""
    credential = attendee(world.usual["code"], agent)
    before = organiser.usage(credential)["requests"]
    code, said, files = world.run(agent, world.usual, lambda one: one.writes(one.work / "notes.txt", TEXT))
    assert code == 0, (code, said[-2000:])
    assert files.get("notes.txt", "").strip() == TEXT, (files, said[-2000:])
    requests = organiser.usage(credential)["requests"] - before
    # aider takes the file out of the answer; the others call a tool and send its result.
    assert requests >= (1 if agent.name == "aider" else 2), requests


def refused(status, words, event_of):
    """A case in which every request is refused."""

    def case(world, agent):
        code, said, _ = world.run(agent, event_of(world), QUESTION)
        expected = agent.own_words.get(status, words)
        assert expected in said, (code, said[-2000:])
        assert "[simulated]" not in said, said[-2000:]

    case.__doc__ = f"{status} has a readable message."
    case.status = status
    return case


def waits(world, agent):
    """429: a request too many is asked again, and answered when the other one has ended."""
    # A request is held at Azure until the log has the agent's refusal.
    credential = attendee(world.narrow["code"], agent)
    gate, words = world.upstream.gate(label(agent))
    with world.waiting:
        refused_before = world.refusals(429)

        def hold():
            chat = {"model": MODEL, "messages": [{"role": "user", "content": words}]}
            organiser.ask(credential, chat, SECONDS_TO_BE_REFUSED).read()

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            held = pool.submit(hold)
            world.upstream.wait_for(words)
            asked = pool.submit(world.run, agent, world.narrow, QUESTION)
            try:
                deadline = time.monotonic() + SECONDS_TO_BE_REFUSED
                while world.refusals(429) == refused_before and not asked.done():
                    assert time.monotonic() < deadline, "no request was refused"
                    time.sleep(0.1)
            finally:
                gate.set()
            held.result()
            code, said, _ = asked.result()
        assert world.refusals(429) > refused_before, said[-2000:]
    assert code == 0 and is_answer(agent, said), (code, said[-2000:])


def waits_for_room(world, agent):
    """529: a request for which Azure has no room is asked again, and answered."""
    words = world.upstream.without_room(label(agent))
    code, said, _ = world.run(agent, world.usual, f"{QUESTION} {words}")
    assert code == 0 and is_answer(agent, said), (code, said[-2000:])
    statuses = [call.status for call in list(world.upstream.calls) if words in call.body]
    assert statuses[0] == 529 and 200 in statuses[1:], statuses


def stops_where_a_budget_ends(world, agent):
    """402 in the middle: the first file is written, the second is not, and the user sees why."""
    # So much is left that a first request fits, which holds more than it costs, and no second one.
    measured = organiser.event(preset="agents")
    world.others.append(measured)
    world.run(agent, measured, QUESTION)
    used = organiser.usage(attendee(measured["code"], agent))
    budget = 9 * used["total_tokens"] // (5 * used["requests"]) + (agent.asks_for or 0)
    event = organiser.event(preset="agents", allowances={"attendee": {"tokens_total": budget}})
    world.others.append(event)
    both = lambda one: " ".join(one.writes(one.work / name, TEXT) for name in ("first.txt", "second.txt"))
    _, said, files = world.run(agent, event, both)
    assert files == {"first.txt": TEXT}, (files, said[-2000:])
    assert "ask the organiser for more" in said, said[-2000:]
    used = organiser.usage(attendee(event["code"], agent))
    assert used["requests"] >= 1 and 0 < used["total_tokens"] <= budget, used


def answers_by_a_schema(world, agent):
    """Structured output has the schema that the user gives."""
    schema = {"type": "object", "properties": {"animal": {"type": "string"}, "legs": {"type": "integer"}},
              "required": ["animal", "legs"], "additionalProperties": False}
    question = f"A zebra by a schema of {label(agent)}?"
    used = []

    def prompt(one):
        used.append(one)
        return one.with_schema(schema, question, animal="zebra", legs=4)

    code, said, _ = world.run(agent, world.usual, prompt)
    assert code == 0, (code, said[-2000:])
    # It shows the object among its own words.
    objects = [found for found in objects_in(said) if set(found) == {"animal", "legs"}]
    assert objects, said[-2000:]
    assert isinstance(objects[-1]["animal"], str) and isinstance(objects[-1]["legs"], int), objects
    asked = [json.loads(call.body) for call in list(world.upstream.calls) if question in call.body]
    schemas = [found for found in map(used[0].schema_in, asked) if found]
    assert schemas and all(set(found["properties"]) == {"animal", "legs"} for found in schemas), asked


def objects_in(text):
    """The JSON objects in a text that have no others in them."""
    for found in re.findall(r"\{[^{}]*\}", text):
        # One in a string has its quotes escaped.
        with contextlib.suppress(json.JSONDecodeError):
            yield json.loads(found)


def works_in_a_session(world, agent):
    """A session of ten turns edits a file, runs commands and is compacted."""
    # Every turn writes a line or reads many; a turn of the session is known by this word.
    word = f"notes-{attendee('of', agent).replace('/', '-')}.txt"
    write = lambda number: lambda one: one.runs(f"echo turn {number} >> {word}")
    read = lambda number: lambda one: one.runs(f"yes elephants walk | head -1200; cat {word}")
    code, said, files = world.run(agent, world.fast, *(write(n) if n % 2 else read(n) for n in range(1, 11)))
    assert code == 0, (code, said[-2000:])
    assert files.get(word, "").split("\n") == [f"turn {n}" for n in (1, 3, 5, 7, 9)] + [""], (files, said[-2000:])
    sizes = [len(call.body) for call in list(world.upstream.calls) if word in call.body]
    assert len(sizes) > 20, sizes
    # What was said before is sent again with each request, until it has been made shorter.
    assert any(after < 0.8 * before for before, after in itertools.pairwise(sizes)), sizes


CASES = [
    works_in_a_session,
    answers,
    edits_a_file,
    answers_by_a_schema,
    refused(401, "No valid event code was sent", lambda world: "no-such-code"),
    refused(402, "It does not reset: ask the organiser for more.", lambda world: world.spent),
    refused(403, "The organiser has paused the event.", lambda world: world.paused),
    waits,
    waits_for_room,
    stops_where_a_budget_ends,
]
# The cases for those that speak Anthropic's format.
OF_MESSAGES = (waits_for_room, stops_where_a_budget_ends)


def run_all(up, agents, run):
    """Runs every case of every agent, and compares what Azure was asked with what was accounted."""
    with Upstream(organiser.simulator()).running() as upstream:
        for name, operations in {(agent.model, agent.operations) for agent in (*agents, Agent)}:
            azure_name = name if "messages" in operations else MODEL
            organiser.deployment(name, endpoint=upstream.address, azure_name=azure_name, operations=operations)
        world = World(up, upstream, run)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            asked = [pool.submit(result_of, world, agent, case) for case in CASES for agent in agents]
            results = [one.result() for one in asked]
        results.append(accounts_agree(world))
    return results


def result_of(world, agent, case):
    """Runs one case of one agent."""
    name = plain(case.__doc__).rstrip(".")
    if case in OF_MESSAGES and "messages" not in agent.operations:
        return Result(label(agent), name, "skipped")
    if case is works_in_a_session and not agent.has_sessions:
        return Result(label(agent), name, "skipped")
    if case is answers_by_a_schema and agent.schema_tool is None:
        return Result(label(agent), name, "skipped")
    if getattr(case, "status", None) in agent.skips:
        return Result(label(agent), name, "skipped")
    started = time.monotonic()
    try:
        case(world, agent)
        result = Result(label(agent), name, "ok")
    except Exception as error:  # One that fails says so, and the next one goes on.
        result = Result(label(agent), name, "FAIL", f": {type(error).__name__}: {error}")
    result.seconds = time.monotonic() - started
    print(f"{result.outcome} {label(agent)}: {name}{result.why}", flush=True)
    return result


def accounts_agree(world):
    """Every call that reached Azure is accounted once, with the tokens that Azure reported."""
    name = "every call that reached Azure is accounted, with the tokens that it reported"
    try:
        requests = tokens = 0
        for event in (world.usual, world.paused, world.spent, world.fast, world.narrow, *world.others):
            organiser.settle(event["id"])
            total = organiser.call("GET", f"/events/{event['id']}/usage")["total"]
            requests, tokens = requests + total["requests"], tokens + total["total_tokens"]
        calls = [call for call in world.upstream.calls if call.is_charged]
        reported = sum(call.tokens for call in calls)
        assert (requests, tokens) == (len(calls), reported), (requests, tokens, len(calls), reported)
        print(f"ok {name}: {requests} requests, {tokens} tokens")
        return Result("", name, "ok")
    except AssertionError as error:
        print(f"FAIL {name}: {error}")
        return Result("", name, "FAIL", str(error))
