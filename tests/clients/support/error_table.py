"""The rows of errors.json: the world in which a row's request fails or waits, and the request itself."""

import contextlib
import json

from . import organiser
from .scenarios import HERE, SAMPLES

_TABLE = json.loads((HERE / "errors.json").read_text())
ROWS, WAITS = _TABLE["rows"], _TABLE["waits"]
_QUESTION = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": SAMPLES["question"]}]}
_LONG = _QUESTION | {"stream": True, "response_format": SAMPLES["long_answer"]}
_USER = "ada"


@contextlib.contextmanager
def world_of(row):
    """Makes the row's event and what must have happened before, and yields the credential for its request."""
    if "code" in row:
        yield f"{row['code']}/{_USER}"
        return
    if "deployment" in row:
        organiser.deployment(**row["deployment"])
    event = organiser.event(row.get("opens_in_hours", -1), **row.get("event", {}))
    credential = lambda user: f"{event['code']}/{user}"
    if "before" in row:
        organiser.ask(credential(row["before"]["user"]), chat(row["before"])).read()
        organiser.settle(event["id"])
    if row.get("then") == "block":
        organiser.block(event["id"], _USER)
    elif "then" in row:
        organiser.change(event["id"], row["then"])
    with contextlib.ExitStack() as responses:
        if "meanwhile" in row:
            responses.enter_context(organiser.ask(credential(row["meanwhile"]["user"]), chat(row["meanwhile"])))
        yield credential(_USER)


def chat(request):
    """The chat that a row's request asks for, as keyword arguments of any SDK."""
    if request["chat"] == "long":
        return _LONG
    chat = _QUESTION | request["chat"]
    if "padding" in request:
        chat["messages"] = [{"role": "user", "content": "x" * request["padding"]}]
    return chat


def name_of(row):
    """The name of a row's scenario."""
    return f"error {row['status']} {row['error']}: {row['name']}"


def check_headers(row, headers):
    """Checks the retry headers of an error."""
    assert headers.get("x-should-retry") == row.get("should_retry"), headers.get("x-should-retry")
    if "waits_ms" in row:
        least, most = row["waits_ms"]
        wait_ms = int(headers["retry-after-ms"])
        assert least <= wait_ms <= most, f"retry-after-ms is {wait_ms}"
        assert int(headers["retry-after"]) == -(-wait_ms // 1000), headers["retry-after"]
