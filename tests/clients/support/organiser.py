"""The organisers' API, and plain requests in an attendee's name, without any SDK."""

import datetime
import json
import os
import time
import urllib.parse
import urllib.request

HOST = os.environ["LANYARD_ADDRESS"]
API = f"{HOST}/api"
V1 = f"{API}/v1"
SECONDS_TO_ANSWER = 20
SECONDS_TO_SETTLE = 10
# Tokens that are too few for any request: a cap that nobody named is at least 1,024.
LEFT = 900
_TOKEN = os.environ["LANYARD_ORGANISER_TOKEN"]


def call(method, path, body=None):
    """Calls the organisers' API and returns the response's JSON."""
    return json.load(_open(method, f"{API}/admin{path}", _TOKEN, body))


def event(opens_in_hours=-1, **fields):
    """Makes an event that is open, unless it opens later, with any of the API's fields set otherwise."""
    now = datetime.datetime.now(datetime.timezone.utc)
    hours = lambda count: (now + datetime.timedelta(hours=count)).isoformat(timespec="seconds")
    body = {
        "name": "Client tests",
        "starts_at": hours(opens_in_hours),
        "ends_at": hours(opens_in_hours + 48),
        "time_zone": "UTC",
        "attendees": 10,
    }
    return call("POST", "/events", body | fields)


def zone_of_noon():
    """A time zone whose midnight is half a day away, so that no day ends during a test."""
    return f"Etc/GMT{datetime.datetime.now(datetime.timezone.utc).hour - 12:+d}"


def spent_event(total=60_000, model="gpt-4o-mini", **fields):
    """Makes an event of whose total so little is left that no request fits any more."""
    made = event(preset="agents", allowances={"attendee": {"tokens_total": None}, "event": {"tokens_total": total}},
                 **fields)
    left = total
    while left > LEFT:
        # What is held for a prompt may be more than what the simulator counts, a token for four letters.
        words = "many words, " * ((left - LEFT // 2) // 5)
        chat = {"model": model, "messages": [{"role": "user", "content": words}], "max_tokens": 20}
        ask(f"{made['code']}/grace", chat).read()
        settle(made["id"])
        left = total - call("GET", f"/events/{made['id']}/usage")["total"]["total_tokens"]
    return made


def change(event_id, action):
    """Pauses or ends an event."""
    return call("POST", f"/events/{event_id}/{action}")


def block(event_id, user):
    """Keeps an attendee out."""
    return call("PATCH", f"/events/{event_id}/attendees/{urllib.parse.quote(user, safe='')}", {"blocked": True})


def deployment(name, **fields):
    """Adds a chat deployment; what is not named is as it is for the simulated gpt-4o-mini."""
    body = {
        "endpoint": simulator(),
        "azure_name": "gpt-4o-mini",
        "operations": ["chat_completions"],
        "key": "simulated",
    }
    return call("PUT", f"/deployments/{name}", body | fields)


def simulator():
    """The address of the simulated Azure."""
    deployments = call("GET", "/deployments")["deployments"]
    return next(each["endpoint"] for each in deployments if each["name"] == "gpt-4o-mini")


def ask(credential, chat, seconds=SECONDS_TO_ANSWER):
    """Sends a chat in an attendee's name and returns the open response, which need not be read."""
    return _open("POST", f"{V1}/chat/completions", credential, chat, seconds)


def usage(credential):
    """The usage of an attendee, when all of it has been settled."""
    return _when_settled(lambda: json.load(_open("GET", f"{V1}/event", credential))["usage"])


def settle(event_id):
    """Waits until every request of an event has been settled, which may be just after its response."""
    _when_settled(lambda: call("GET", f"/events/{event_id}/usage")["total"])


def _when_settled(read):
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while (found := read())["held_tokens"] > 0 or "held_units" in found:
        assert time.monotonic() < deadline, f"still held after {SECONDS_TO_SETTLE} seconds: {found}"
        time.sleep(0.02)
    return found


def _open(method, address, bearer, body=None, seconds=SECONDS_TO_ANSWER):
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        return urllib.request.urlopen(urllib.request.Request(address, data, headers, method=method), timeout=seconds)
    except urllib.error.HTTPError as refused:
        said = refused.read().decode(errors="replace")
        raise AssertionError(f"{method} {urllib.parse.urlsplit(address).path}: {refused.code} {said}") from None
