"""How the current `openai` for Python fails and waits, the same for its synchronous and its asynchronous client."""

import functools
import inspect
import time

import openai

from . import checks
from .error_table import ROWS, WAITS, chat, check_headers, name_of, world_of
from .scenarios import named, raised

# The classes that the SDK's documentation tells people to catch; any other status is an APIStatusError.
CLASSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
}


class Watch:
    """Notes when requests leave and what they are answered, as hooks of an HTTP client."""

    def __init__(self):
        self.sent_at = []
        self.responses = []

    def hooks(self):
        """Hooks for a synchronous client."""
        return {"request": [self._sent], "response": [self._answered]}

    def async_hooks(self):
        """Hooks for an asynchronous client."""

        async def sent(request):
            self._sent(request)

        async def answered(response):
            self._answered(response)

        return {"request": [sent], "response": [answered]}

    def check_waits(self):
        """Checks that each refusal has a wait, and that the SDK waited exactly that long."""
        refusals = list(zip(self.responses, self.sent_at[1:]))
        assert refusals, "nothing was refused"
        for (answered_at, headers), sent_again_at in refusals:
            wait = int(headers["retry-after-ms"]) / 1000
            waited = sent_again_at - answered_at
            assert wait <= waited < wait + 0.5, f"waited {waited:.3f} s instead of {wait:.3f} s"

    def _sent(self, _request):
        self.sent_at.append(time.monotonic())

    def _answered(self, response):
        self.responses.append((time.monotonic(), response.headers))


def errors_of(make):
    """Registers every row of the error table, and what is waited for. `make` takes a credential and the client's
    options, and returns a client and its watch."""
    for row in ROWS:
        named(name_of(row))(functools.partial(_fails_as_the_table_says, make, row))
    for row in WAITS:
        named(row["name"])(functools.partial(_waits_as_it_is_told, make, row))
    named("a refused stream fails before its first chunk")(functools.partial(_refused_stream_fails_at_once, make))


async def _fails_as_the_table_says(make, row):
    with world_of(row) as credential:
        client, watch = make(credential, **{key: row[key] for key in ("max_retries",) if key in row})
        with raised(CLASSES.get(row["status"], openai.APIStatusError)) as caught:
            await _finished(_sent(client, row["request"]))
    error = caught.error
    told = (error.status_code, error.code, error.type, error.param)
    assert told == (row["status"], row["error"], row["type"], row["param"]), told
    assert error.request_id and error.request_id == error.response.headers["x-request-id"], error.request_id
    assert error.body["message"] and error.body["message"] in error.message, error.message
    assert len(watch.sent_at) == row["attempts"], f"{len(watch.sent_at)} requests were made"
    check_headers(row, error.response.headers)
    if row["error"] == "content_filter":
        assert error.body["innererror"]["content_filter_result"]["violence"]["filtered"] is True, error.body


async def _waits_as_it_is_told(make, row):
    with world_of(row) as credential:
        client, watch = make(credential)
        response = await _finished(_sent(client, row["request"]))
    checks.is_response(response.choices[0].message.content)
    watch.check_waits()


async def _refused_stream_fails_at_once(make):
    client, _ = make("no-such-code/ada")
    with raised(openai.AuthenticationError):
        await _finished(
            client.chat.completions.create(model=checks.CHAT_MODEL, messages=checks.QUESTION, stream=True)
        )


def _sent(client, request):
    if "chat" in request:
        return client.chat.completions.create(**chat(request))
    if "get" in request:
        return client.get(request["get"], cast_to=object)
    headers = {"content-type": request.get("content_type", "application/json")}
    return client.post(
        request["post"], cast_to=object, content=request["text"].encode(), options={"headers": headers}
    )


async def _finished(response):
    return await response if inspect.isawaitable(response) else response
