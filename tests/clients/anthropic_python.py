"""The current `anthropic` for Python: messages of Claude, whole and streamed, with tools, errors and accounting."""

import anthropic
from anthropic import Anthropic

from support import organiser
from support.scenarios import attendee, raised, run, scenario

MODEL = "claude-sonnet-5"
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "name": "read_weather",
    "description": "The weather in a town.",
    "input_schema": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
}


def client(credential=None, **options):
    """A client as docs/coding-tools.md shows it."""
    return Anthropic(base_url=organiser.API, auth_token=credential or attendee(), **options)


def ask(on, **options):
    """A message of the usual model."""
    return on.messages.create(**{"model": MODEL, "max_tokens": 500, "messages": HELLO} | options)


def said(content):
    """What an attendee says."""
    return [{"role": "user", "content": content}]


@scenario
def a_message_is_answered_with_its_usage():
    credential = attendee()
    message = ask(client(credential))
    assert message.content[0].text.startswith("[simulated]"), message
    assert message.stop_reason == "end_turn" and message.id.startswith("msg_")
    used = organiser.usage(credential)
    assert used["prompt_tokens"] == message.usage.input_tokens, (used, message.usage)
    assert used["completion_tokens"] == message.usage.output_tokens, (used, message.usage)


@scenario
def the_key_goes_by_its_own_header_too_and_below_both_addresses():
    for base in (organiser.API, f"{organiser.API}/anthropic", organiser.V1):
        with Anthropic(base_url=base, api_key=attendee()) as one:
            assert ask(one).content[0].text.startswith("[simulated]"), base


@scenario
def a_stream_makes_the_same_message():
    credential = attendee()
    with client(credential).messages.stream(model=MODEL, max_tokens=500, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == message.content[0].text and text.startswith("[simulated]")
    used = organiser.usage(credential)
    assert used["completion_tokens"] == message.usage.output_tokens, (used, message.usage)


@scenario
def a_cache_is_written_and_read_and_both_are_counted():
    credential = attendee()
    system = [{"type": "text", "text": "Be brief. " * 200, "cache_control": {"type": "ephemeral"}}]
    first = ask(client(credential), system=system)
    assert first.usage.cache_creation_input_tokens > 400 and not first.usage.cache_read_input_tokens
    goes_on = [*HELLO, {"role": "assistant", "content": first.content[0].text}, *said("And now?")]
    second = ask(client(credential), system=system, messages=goes_on)
    assert second.usage.cache_read_input_tokens == first.usage.cache_creation_input_tokens
    every = [first.usage, second.usage]
    total = sum(u.input_tokens + u.cache_creation_input_tokens + u.cache_read_input_tokens for u in every)
    assert organiser.usage(credential)["prompt_tokens"] == total


@scenario
def a_tool_is_called_and_its_result_is_answered():
    one = client()
    question = said("How is the weather in Oslo?")
    message = ask(one, tools=[WEATHER], messages=question)
    assert message.stop_reason == "tool_use", message
    call = message.content[0]
    assert call.name == "read_weather" and call.input["town"], call
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "It rains."}
    history = [*question, {"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    assert ask(one, tools=[WEATHER], messages=history).stop_reason == "end_turn"


@scenario
def thinking_fits_into_the_events_cap():
    message = ask(client(), max_tokens=100_000, timeout=20, thinking={"type": "enabled", "budget_tokens": 90_000})
    assert [block.type for block in message.content] == ["thinking", "text"], message


@scenario
def an_unknown_beta_does_no_harm():
    one = client()
    message = one.beta.messages.create(
        model=MODEL, max_tokens=50, messages=HELLO, betas=["interleaved-thinking-2025-05-14", "new-2030-01-01"]
    )
    assert message.content, message


@scenario
def a_hosted_tool_is_dropped_beside_ones_own():
    search = {"type": "web_search_20250305", "name": "web_search"}
    response = client().messages.with_raw_response.create(
        model=MODEL, max_tokens=50, messages=HELLO, tools=[WEATHER, search]
    )
    assert response.headers["x-event-dropped-tools"] == "web_search_20250305", dict(response.headers)
    with raised(anthropic.BadRequestError) as caught:
        ask(client(), tools=[search])
    assert "web_search_20250305" in caught.error.message


@scenario
def tokens_are_counted_for_nothing():
    credential = attendee()
    counted = client(credential).messages.count_tokens(model=MODEL, messages=HELLO)
    assert counted.input_tokens > 3
    assert organiser.usage(credential)["requests"] == 0


@scenario
def models_are_listed():
    models = client().models.list(limit=1000)
    assert [model.id for model in models] == [MODEL]
    assert client().models.retrieve(MODEL).display_name == MODEL


@scenario
def each_refusal_is_the_sdks_own_error():
    with raised(anthropic.AuthenticationError) as caught:
        ask(client("nope-code/ada"))
    assert caught.error.body["error"]["type"] == "authentication_error"
    with raised(anthropic.NotFoundError) as caught:
        ask(client(), model="gpt-nope")
    assert MODEL in caught.error.message
    with raised(anthropic.RateLimitError):
        ask(client(max_retries=0), messages=said("trigger a rate limit"))
    with raised(anthropic.APIStatusError, or_below=True) as caught:
        ask(client(max_retries=0), messages=said("trigger an overload"))
    assert (caught.error.status_code, caught.error.body["error"]["type"]) == (529, "overloaded_error")


@scenario
def a_spent_budget_is_refused_at_once_and_says_so():
    limits = {"attendee": {"requests_per_day": 1}}
    code = organiser.event(time_zone=organiser.zone_of_noon(), allowances=limits)["code"]
    one = client(f"{code}/ada")
    ask(one)
    organiser.usage(f"{code}/ada")
    with raised(anthropic.APIStatusError, or_below=True) as caught:
        ask(one)
    assert (caught.error.status_code, caught.error.body["error"]["type"]) == (402, "billing_error")
    assert "requests per day" in caught.error.message, caught.error.message


@scenario
def an_error_in_a_stream_is_raised():
    with raised(anthropic.APIStatusError, or_below=True) as caught:
        with client().messages.stream(
            model=MODEL, max_tokens=500, messages=said("trigger an error in the stream")
        ) as stream:
            stream.get_final_message()
    assert caught.error.body["error"]["type"] == "overloaded_error", caught.error.body


if __name__ == "__main__":
    run(f"anthropic {anthropic.__version__}")
