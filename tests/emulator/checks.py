"""Checks of every function's responses to the files of infra/events, and to malformed variants."""

import datetime
import json

from harness import ROOT, sample

EXPOSED = "access-control-expose-headers"
MODELS = {"gpt-4o", "gpt-4o-mini", "text-embedding-3-small"}


def changed(event, **headers):
    """The event with other headers, in both places where API Gateway puts them; `None` takes one away."""
    for name, value in headers.items():
        name = name.replace("_", "-")
        for single, wrap in (("headers", str), ("multiValueHeaders", lambda value: [value])):
            event[single] = {key: old for key, old in event[single].items() if key.lower() != name}
            if value is not None:
                event[single][name] = wrap(value)
    return event


def refused(answer, status, code):
    got, headers, body = answer
    parsed = json.loads(body)
    error = parsed["error"]
    if parsed.get("type") == "error":
        # The messages API has Anthropic's shape, which has no code.
        assert got == status and error.keys() == {"message", "type"} and parsed["request_id"], f"{got} {body}"
    else:
        assert (got, error["code"]) == (status, code), f"{got} {body}"
        assert error.keys() == {"message", "type", "param", "code"}, body
    assert headers["x-request-id"].startswith("req_"), headers
    assert "retry-after" not in headers, headers


def succeeded(answer):
    status, headers, body = answer
    assert status == 200, f"{status} {body}"
    assert headers["content-type"] == "application/json", headers
    assert headers["x-request-id"].startswith("req_"), headers
    assert "x-request-id" in headers[EXPOSED], headers
    return json.loads(body)


def tells_the_attendee_about_the_event(function):
    body = succeeded(function.request(sample("event")))
    assert body["event"]["name"] == "Local hackathon", body
    assert body["user"] == "githubuser", body
    assert MODELS <= {model["id"] for model in body["models"]}, body


def lists_the_models(function):
    body = succeeded(function.request(sample("models")))
    assert body["object"] == "list", body
    assert MODELS <= {model["id"] for model in body["data"]}, body


def answers_a_chat_whole(function):
    body = succeeded(function.streamed(sample("chat-completions")))
    assert body["object"] == "chat.completion", body
    assert body["choices"][0]["message"]["content"].startswith("[simulated]"), body
    usage = body["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"] > 0, usage


def answers_a_chat_in_frames(function):
    event = sample("chat-completions")
    event["body"] = json.dumps(json.loads(event["body"]) | {"stream": True})
    status, headers, body = function.streamed(event)
    assert status == 200 and headers["content-type"].startswith("text/event-stream"), (status, headers)
    frames = [frame.removeprefix("data: ") for frame in body.split("\n\n") if frame]
    assert frames[-1] == "[DONE]", frames[-1]
    chunks = [json.loads(frame) for frame in frames[:-1]]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert text.startswith("[simulated]"), body


def answers_embeddings(function):
    body = succeeded(function.streamed(sample("embeddings")))
    assert body["object"] == "list" and len(body["data"]) == 2, body
    assert all(isinstance(each["embedding"][0], float) for each in body["data"]), body


def refuses_an_unknown_code(file, way):
    def refuses_a_code_that_nobody_gave_out(function):
        event = changed(sample(file), openai_event_code="no-such-event/githubuser")
        refused(getattr(function, way)(event), 401, "invalid_event_code")

    return refuses_a_code_that_nobody_gave_out


def refuses_a_broken_body(file):
    def refuses_a_body_that_is_not_json(function):
        refused(function.streamed(sample(file) | {"body": "{"}), 400, "invalid_json")

    return refuses_a_body_that_is_not_json


def refuses_another_method(file, way):
    def refuses_another_method(function):
        refused(getattr(function, way)(sample(file) | {"httpMethod": "PATCH"}), 405, "method_not_allowed")

    return refuses_another_method


def answers(file):
    def answers_its_sample(function):
        status, headers, body = function.streamed(sample(file))
        assert status == 200, f"{status} {body}"
        assert headers["x-request-id"].startswith("req_") and body, (headers, body)

    return answers_its_sample


def answers_as_often_as_it_is_called(file):
    def answers_as_often_as_it_is_called(function):
        first, second = function.call(sample(file)), function.call(sample(file))
        assert first and first == second and all(isinstance(count, int) for count in first.values()), (first, second)

    return answers_as_often_as_it_is_called


def hands_out_a_page(function):
    status, headers, body = function.streamed(sample("pages"))
    assert status == 200 and headers["content-type"] == "text/html; charset=utf-8", (status, headers)
    assert "default-src 'none'" in headers["content-security-policy"], headers
    assert EXPOSED not in headers, headers
    assert body.startswith("<!doctype html>"), body[:100]


def hands_out_what_the_page_refers_to(function):
    _, _, page = function.streamed(sample("pages"))
    script = page.split('type="module" src="/api/')[1].split('"')[0]
    event = sample("pages") | {"path": f"/{script}"}
    event["requestContext"]["path"] = f"/api/{script}"
    status, headers, body = function.streamed(event)
    assert status == 200 and headers["content-type"] == "text/javascript; charset=utf-8", (status, headers)
    assert "immutable" in headers["cache-control"] and "document" in body, headers


def needs_nothing_of_its_environment(function):
    hands_out_a_page(function)


def sweeps_by_schedule(function):
    assert function.call(sample("sweep")) == {
        "events": 1, "expired_holds": 0, "reconciled_periods": 0, "unreadable": 0,
    }


def sweeps_again(function):
    assert function.call(sample("sweep"))["events"] == 1


def succeeded_directly(function, file, status=200):
    answer = function.call(sample(file))
    assert answer["status"] == status, answer
    return answer["body"]


def lists_events_to_a_direct_call(function):
    events = succeeded_directly(function, "admin-list-events")["events"]
    assert "Local hackathon" in [event["name"] for event in events], events


def makes_an_organiser_who_may_use_the_api(function):
    token = succeeded_directly(function, "admin-create-organiser", 201)["token"]
    event = changed(sample("admin"), authorization=f"Bearer {token}")
    status, headers, body = function.request(event)
    assert status == 200 and headers["x-request-id"].startswith("req_"), (status, headers, body)
    assert "Local hackathon" in [event["name"] for event in json.loads(body)["events"]], body


def refuses_a_token_that_nobody_gave_out(function):
    status, _, body = function.request(sample("admin"))
    assert status == 401 and json.loads(body)["error"]["code"], (status, body)


def makes_and_pauses_an_event(function):
    event = sample("admin-create-event")
    tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)
    # The sample's own dates will have passed one day.
    event["body"] |= {
        "starts_at": tomorrow.isoformat(timespec="minutes"),
        "ends_at": (tomorrow + datetime.timedelta(days=1)).isoformat(timespec="minutes"),
    }
    made = function.call(event)
    assert made["status"] == 201, made
    pause = sample("admin-pause-event")
    paused = function.call(pause | {"path": pause["path"].replace("EVENT_ID", made["body"]["id"])})
    assert paused["status"] == 200 and paused["body"]["paused"] is True, paused


def keeps_a_deployment_and_never_its_key(function):
    body = succeeded_directly(function, "admin-put-deployment")
    assert "AZURE_KEY" not in json.dumps(body), body


def tells_a_direct_caller_of_a_wrong_path(function):
    answer = function.call({"method": "GET", "path": "/nowhere"})
    assert answer["status"] == 404 and answer["body"]["error"]["code"] == "unknown_route", answer


def says_what_its_environment_lacks(function):
    function.post(b"{}")
    log = function.log()
    assert "LANYARD_TABLE is missing" in log and "Runtime.ExitError" in log, log


def usual(name):
    """The invocations of a function without its own checks."""
    event = sample(name)
    if "httpMethod" not in event:
        return [answers_as_often_as_it_is_called(name)]
    takes_json = event["headers"].get("content-type") == "application/json" and event["body"]
    return [
        answers(name),
        refuses_an_unknown_code(name, "streamed"),
        *([refuses_a_broken_body(name)] if takes_json else []),
        refuses_another_method(name, "streamed"),
    ]


def refusals(name, status, code, way="request"):
    """The invocations of a function whose sample names objects that only its reader has."""

    def refuses_what_is_not_there(function):
        refused(getattr(function, way)(sample(name)), status, code)

    return [
        refuses_what_is_not_there,
        refuses_an_unknown_code(name, way),
        refuses_another_method(name, way),
    ]


OWN_CHECKS = {
    "event": [
        tells_the_attendee_about_the_event,
        refuses_an_unknown_code("event", "request"),
        refuses_another_method("event", "request"),
    ],
    "models": [
        lists_the_models,
        refuses_an_unknown_code("models", "request"),
        refuses_another_method("models", "request"),
    ],
    "chat-completions": [
        answers_a_chat_whole,
        answers_a_chat_in_frames,
        refuses_an_unknown_code("chat-completions", "streamed"),
        refuses_a_broken_body("chat-completions"),
        refuses_another_method("chat-completions", "streamed"),
    ],
    "embeddings": [
        answers_embeddings,
        refuses_an_unknown_code("embeddings", "streamed"),
        refuses_a_broken_body("embeddings"),
        refuses_another_method("embeddings", "streamed"),
    ],
    "pages": [
        hands_out_a_page,
        hands_out_what_the_page_refers_to,
        refuses_another_method("pages", "streamed"),
    ],
    "containers": refusals("containers", 404, "object_not_found", way="streamed"),
    "rate": refusals("rate", 404, "request_not_found"),
    "register": refusals("register", 401, "invalid_event_code"),
    "own-deployments": refusals("own-deployments", 403, "not_offered"),
    "sweep": [sweeps_by_schedule, sweeps_again],
    # The last one puts another deployment where the simulated one was.
    "admin": [
        lists_events_to_a_direct_call,
        makes_an_organiser_who_may_use_the_api,
        refuses_a_token_that_nobody_gave_out,
        makes_and_pauses_an_event,
        tells_a_direct_caller_of_a_wrong_path,
        keeps_a_deployment_and_never_its_key,
    ],
}

NAMES = sorted(manifest.parent.name for manifest in (ROOT / "functions").glob("*/Cargo.toml"))
# Changes by organisers affect the other functions.
NAMES.sort(key=lambda name: name == "admin")
CHECKS = {name: OWN_CHECKS.get(name) or usual(name) for name in NAMES}
# The invocations in an environment that does not name the table.
POORLY = {name: says_what_its_environment_lacks for name in NAMES} | {"pages": needs_nothing_of_its_environment}
