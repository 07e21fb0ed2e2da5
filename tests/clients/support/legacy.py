"""Shared by both ways to use the first generation of `openai`: its errors, and a count of its requests."""

import functools
import json
import time

import numpy
import openai
import openai.error
import requests

from . import checks
from .error_table import ROWS, chat, check_headers, name_of, world_of
from .scenarios import named, raised

# Any other status is an APIError.
CLASSES = {
    400: openai.error.InvalidRequestError,
    401: openai.error.AuthenticationError,
    403: openai.error.PermissionError,
    404: openai.error.InvalidRequestError,
    415: openai.error.InvalidRequestError,
    429: openai.error.RateLimitError,
    503: openai.error.ServiceUnavailableError,
}

# This generation repeats a request that was answered with 409 without a pause and without an end: `timeout` bounds
# that, `request_timeout` bounds one request.
TIMEOUTS = {"timeout": 10, "request_timeout": 10}

requests_made = []
openai.requestssession = requests.Session()
openai.requestssession.hooks["response"].append(lambda response, **_: requests_made.append(response.status_code))


def errors_of(create, send_plain=None):
    """Registers the rows that this client can cause. `create` takes a credential and a chat, and `send_plain` a
    credential, a method and a path."""
    for row in ROWS:
        request = row["request"]
        is_plain = "get" in request or request.get("text") == "{}" and "content_type" not in request
        if "chat" in request:
            send = functools.partial(_create, create, request)
        elif is_plain and send_plain:
            send = functools.partial(_send_plain, send_plain, request)
        else:
            continue
        named(name_of(row))(functools.partial(_fails_at_once, row, send))


def _create(create, request, credential):
    return create(credential, **chat(request), **TIMEOUTS)


def _send_plain(send_plain, request, credential):
    method = "get" if "get" in request else "post"
    return send_plain(credential, method, request[method])


def _fails_at_once(row, send):
    with world_of(row) as credential:
        requests_made.clear()
        started = time.monotonic()
        with raised(CLASSES.get(row["status"], openai.error.APIError)) as caught:
            send(credential)
        seconds = time.monotonic() - started
    error, told = caught.error, json.loads(caught.error.http_body)["error"]
    told = (error.http_status, told["code"], told["type"], told["param"])
    assert told == (row["status"], row["error"], row["type"], row["param"]), told
    assert error.headers["x-request-id"], error.headers
    assert requests_made == [row["status"]] and seconds < 5, (requests_made, seconds)
    check_headers(row, error.headers)


def check_embeddings(create):
    """Checks every form of input. `create` takes it as a keyword; this generation always asks for base64."""
    inputs = checks.SAMPLES["texts"], checks.SAMPLES["tokens"]
    for several in inputs:
        together = create(input=several)
        checks.are_vectors([_numbers(item.embedding) for item in together.data], count=len(several))
        alone = create(input=several[0])
        checks.are_close(_numbers(alone.data[0].embedding), _numbers(together.data[0].embedding))


def _numbers(vector):
    return numpy.asarray(vector, dtype=float).tolist()
