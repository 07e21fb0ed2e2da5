"""httpx, as the documentation of an inference proxy with signed tokens, sessions and ratings shows it."""

import asyncio
import json
import re

import httpx

from support import checks, organiser
from support.scenarios import run, scenario

USER = "user@example.com"
QUESTION = {"model": checks.CHAT_MODEL, "input": "What is the capital of France?", "max_output_tokens": 1000}


class Client:
    """The documented client: a token, a user, and the session of the response before."""

    def __init__(self, token, user=USER):
        self.token, self.user, self.session_id = token, user, None

    def headers(self):
        headers = {"Authorization": f"Bearer {self.token}", "X-User-ID": self.user}
        return headers | ({"X-Session-ID": self.session_id} if self.session_id else {})

    async def post(self, path, body):
        async with httpx.AsyncClient(timeout=30) as pool:
            response = await pool.post(f"{organiser.V1}{path}", headers=self.headers(), json=body)
        self.session_id = response.headers.get("X-Session-ID") or self.session_id
        return response

    async def ask(self, **fields):
        response = await self.post("/responses", QUESTION | fields)
        assert response.status_code == 200, response.text
        return response

    async def stream(self):
        """The ids of the request and of the response."""
        body = QUESTION | {"stream": True}
        async with httpx.AsyncClient(timeout=30) as pool:
            sending = pool.stream("POST", f"{organiser.V1}/responses", headers=self.headers(), json=body)
            async with sending as response:
                self.session_id = response.headers["X-Session-ID"]
                lines = [line async for line in response.aiter_lines()]
        data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        assert data[-1]["type"] == "response.completed", data[-1]
        return response.headers["X-Request-ID"], data[-1]["response"]["id"]

    async def get_response(self, response):
        async with httpx.AsyncClient(timeout=30) as pool:
            return await pool.get(f"{organiser.V1}/responses/{response}", headers=self.headers())

    async def rate(self, response, **rating):
        return await self.post(f"/responses/{response}/rate", rating)


def issued(event, user=USER):
    return organiser.call("POST", f"/events/{event['id']}/tokens", {"user": user, "days": 365})["token"]


async def counted(token, requests):
    """The attendee's usage with so many requests in it: nothing is held for those that cost the event no tokens."""
    for _ in range(200):
        usage = organiser.usage(token)
        if usage["requests"] == requests:
            return usage
        await asyncio.sleep(0.05)
    raise AssertionError(usage)


@scenario
async def the_documented_steps_work_in_one_session():
    event = organiser.event(keeps_objects=True)
    client = Client(issued(event))
    first = await client.ask(temperature=0.5, top_p=0.9)
    assert first.json()["id"].startswith("resp_") and first.json()["usage"]["total_tokens"] > 0, first.text
    assert re.fullmatch("req_[0-9a-f]{32}", first.headers["X-Request-ID"])
    assert re.fullmatch("sess_[0-9a-f]{32}", client.session_id)
    begun = client.session_id
    request_id, answer_id = await client.stream()
    assert client.session_id == begun

    by_request = await client.rate(first.headers["X-Request-ID"], rating=1, feedback="Helpful.")
    assert by_request.status_code == 200, by_request.text
    assert by_request.json()["feedback"] == "Helpful." and by_request.json()["rated_at"]
    by_answer = await client.rate(answer_id, rating=-1)
    assert by_answer.status_code == 200, by_answer.text
    assert by_answer.json()["request_id"] == request_id
    assert (await client.get_response(answer_id)).json()["id"] == answer_id

    rows = organiser.call("GET", f"/events/{event['id']}/usage?by=session")["rows"]
    assert [(row["session"], row["requests"]) for row in rows] == [(begun, 2)], rows
    ratings = organiser.call("GET", f"/events/{event['id']}/ratings")
    assert ratings["total"] == {"up": 1, "down": 1}, ratings


@scenario
async def a_session_of_ones_own_is_kept():
    client = Client(issued(organiser.event()))
    client.session_id = "my-custom-session-123"
    await client.ask()
    assert client.session_id == "my-custom-session-123"


@scenario
async def a_bad_token_a_bad_rating_and_a_strangers_answer_are_refused_as_documented():
    event = organiser.event()
    client = Client(issued(event))
    request_id = (await client.ask()).headers["X-Request-ID"]
    assert (await client.rate(request_id, rating=5)).status_code == 422
    assert (await client.rate("req_unknown", rating=1)).status_code == 404
    assert (await Client(issued(event, "other")).rate(request_id, rating=1)).status_code == 404
    forged = await Client(client.token[:-4] + "AAAA").post("/responses", QUESTION)
    assert forged.status_code == 401, forged.text


@scenario
async def a_key_of_ones_own_comes_before_the_events():
    event = organiser.event(own_deployments="attendee", access="roster")
    client = Client(issued(event))
    body = {"endpoint": organiser.simulator(), "operations": ["responses"], "key": "simulated"}
    async with httpx.AsyncClient(timeout=30) as pool:
        put = await pool.put(f"{organiser.V1}/deployments/{checks.CHAT_MODEL}", headers=client.headers(), json=body)
        assert put.status_code == 201 and "simulated" not in put.text, put.text
        paid = 0
        # It is used within five seconds; the event pays no tokens for it.
        for requests in range(1, 20):
            await client.ask()
            if (await counted(client.token, requests))["total_tokens"] == paid:
                break
            paid = organiser.usage(client.token)["total_tokens"]
            await asyncio.sleep(0.5)
        else:
            raise AssertionError("the event still pays")


run(f"httpx {httpx.__version__}")
