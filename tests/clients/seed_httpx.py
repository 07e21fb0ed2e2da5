"""httpx, as the documentation of the first event-code proxy shows it, and as that proxy's own SDK used it."""

import asyncio
import json

import httpx

from support import checks, organiser
from support.scenarios import SAMPLES, attendee, run, scenario

CHAT = f"{organiser.V1}/chat/completions"
FUNCTION = SAMPLES["weather_tool"]["function"]


@scenario
def the_first_example_answers():
    request = {
        "max_tokens": 256,
        "temperature": 1,
        "messages": [
            {
                "role": "system",
                "content": "You are an AI assistant that writes poems in the style of William Shakespeare."
            },
            {
                "role": "user",
                "content": "Write a poem about indian elephants"
            }
        ]
    }

    url = f"{organiser.HOST}/api/v1/chat/completions"

    headers = {"openai-event-code": "hackathon/githubuser"}

    response = httpx.post(url=url, headers=headers, json=request, timeout=30)

    assert response.status_code == 200, response.text
    checks.is_response(response.json()["choices"][0]["message"]["content"], messages=2)


@scenario
def a_stream_is_read_line_by_line():
    headers, body = {"openai-event-code": attendee()}, {"stream": True, "messages": checks.QUESTION}
    with httpx.stream("POST", CHAT, headers=headers, json=body) as response:
        *lines, last = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert last == "[DONE]", last
    checks.is_response("".join(json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines))


@scenario
async def ten_attendees_are_answered_over_one_pool():
    async with httpx.AsyncClient(timeout=30) as pool:
        ask = lambda: pool.post(CHAT, headers={"openai-event-code": attendee()}, json={"messages": checks.QUESTION})
        for response in await asyncio.gather(*(ask() for _ in range(10))):
            checks.is_response(response.json()["choices"][0]["message"]["content"])


# The first proxies had models that take every field of their SDK.
OLDER = organiser.event(default_deployments={"chat_completions": checks.CHAT_MODEL})["code"]
WEATHER = [{"role": "user", "content": "How is the weather in Oslo?"}]


def create(**fields):
    """What `openai_proxy.ChatCompletion.create` sends: only what is set, and never a model."""
    fields = {"messages": checks.CONVERSATION, "max_tokens": 256, "temperature": 1.0} | fields
    sent = {name: value for name, value in fields.items() if value}
    return httpx.post(CHAT, headers={"openai-event-code": attendee(OLDER)}, json=sent, timeout=30)


@scenario
def the_first_sdks_chat_is_a_plain_object():
    response = create(top_p=0.9, frequency_penalty=0).json()
    checks.is_response(response["choices"][0]["message"]["content"], messages=2)
    assert response["usage"]["total_tokens"] > 0


@scenario
def the_first_sdks_function_is_called():
    for choice in ("auto", {"name": FUNCTION["name"]}):
        response = create(messages=WEATHER, functions=[FUNCTION], function_call=choice).json()
        call = response["choices"][0]["message"]["function_call"]
        checks.is_weather_call(call["name"], json.loads(call["arguments"]))


@scenario
def the_first_sdks_unknown_function_is_an_invalid_request():
    response = create(functions=[FUNCTION], function_call={"name": "no_such_function"})
    assert response.status_code == 400, response.text
    assert response.json()["error"]["type"] == "invalid_request_error", response.text


@scenario
def the_first_sdk_knows_every_status_that_it_gets():
    # Its table: 400, 404, 415, 401, 403, 409 and 429 have classes of their own, and 409 is repeated for ever.
    statuses = {
        create(messages=[{"role": "user", "content": "Please trigger the content filter."}]).status_code: 400,
        httpx.post(CHAT, headers={"openai-event-code": "no-such-code/ada"}, json={}).status_code: 401,
        create(messages=[{"role": "user", "content": "Please trigger a rate limit."}]).status_code: 429,
    }
    assert all(status == expected for status, expected in statuses.items()) and len(statuses) == 3, statuses


run(f"httpx {httpx.__version__}")
