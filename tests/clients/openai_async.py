"""The current `openai` for Python, asynchronous: what differs from the synchronous client, and every error."""

import asyncio
import json

import openai
from openai import AsyncAzureOpenAI, AsyncOpenAI, DefaultAsyncHttpxClient

from support import checks, organiser
from support.openai_errors import Watch, errors_of
from support.scenarios import SAMPLES, attendee, run, scenario


def client(credential=None, **options):
    """A client as docs/attendees.md shows it."""
    return AsyncOpenAI(base_url=organiser.V1, api_key=credential or attendee(), **options)


def watched(credential, **options):
    """A client whose requests are counted."""
    watch = Watch()
    return client(credential, http_client=DefaultAsyncHttpxClient(event_hooks=watch.async_hooks()), **options), watch


def complete(on, messages=checks.QUESTION, **options):
    """A chat completion of the usual model, to be awaited."""
    return on.chat.completions.create(model=checks.CHAT_MODEL, messages=messages, **options)


@scenario
async def a_chat_is_answered():
    async with client() as one:
        response = await complete(one, checks.CONVERSATION)
    checks.is_response(response.choices[0].message.content, messages=2)
    assert response.usage.total_tokens > 0


@scenario
async def a_stream_is_read_without_guarding_its_first_choice():
    text = ""
    async for chunk in await complete(client(), stream=True):
        text += chunk.choices[0].delta.content or ""
    checks.is_response(text)


@scenario
async def a_stream_is_read_by_the_helper():
    async with client().chat.completions.stream(model=checks.CHAT_MODEL, messages=checks.QUESTION) as stream:
        response = await stream.get_final_completion()
    checks.is_response(response.choices[0].message.content)


@scenario
async def three_answers_come_at_once():
    one = client()
    for response in await asyncio.gather(*(complete(one) for _ in range(3))):
        checks.is_response(response.choices[0].message.content)


@scenario
async def a_request_that_is_cancelled_leaves_the_client_usable():
    one = client()
    under_way = asyncio.create_task(complete(one))
    await asyncio.sleep(0.03)
    under_way.cancel()
    await asyncio.gather(under_way, return_exceptions=True)
    checks.is_response((await complete(one)).choices[0].message.content)


@scenario
async def a_tool_is_called_and_its_answer_is_explained():
    one, messages = client(), [{"role": "user", "content": "How is the weather in Bergen?"}]
    asked = (await complete(one, messages, tools=[checks.WEATHER])).choices[0].message
    call = asked.tool_calls[0]
    checks.is_weather_call(call.function.name, json.loads(call.function.arguments))
    messages += [asked, {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "rain"}'}]
    assert "rain" in (await complete(one, messages)).choices[0].message.content


@scenario
async def texts_and_tokens_are_embedded():
    one = client()
    for inputs in (SAMPLES["texts"], SAMPLES["tokens"], SAMPLES["texts"][0], SAMPLES["tokens"][0]):
        response = await one.embeddings.create(model=checks.EMBEDDING_MODEL, input=inputs)
        count = len(inputs) if inputs in (SAMPLES["texts"], SAMPLES["tokens"]) else 1
        checks.are_vectors([item.embedding for item in response.data], count)


@scenario
async def raw_headers_tell_of_the_attendees_own_allowance():
    raw = await client().chat.completions.with_raw_response.create(model=checks.CHAT_MODEL, messages=checks.QUESTION)
    checks.are_attendees_headers(raw.headers)


@scenario
async def a_raw_stream_is_server_sent_events():
    streaming = client().chat.completions.with_streaming_response
    async with streaming.create(model=checks.CHAT_MODEL, messages=checks.QUESTION, stream=True) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream"), raw.headers["content-type"]
        lines = [line async for line in raw.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines) and lines[-1] == "data: [DONE]", lines[-1]


@scenario
async def models_are_listed():
    assert checks.CHAT_MODEL in [model.id async for model in client().models.list()]


@scenario
async def azures_client_finds_chat_and_embeddings():
    one = AsyncAzureOpenAI(azure_endpoint=organiser.API, api_key=attendee(), api_version="2024-10-21")
    checks.is_response((await complete(one)).choices[0].message.content)
    chunks = [chunk async for chunk in await complete(one, stream=True) if chunk.choices]
    checks.is_response("".join(chunk.choices[0].delta.content or "" for chunk in chunks))
    response = await one.embeddings.create(model=checks.EMBEDDING_MODEL, input="Elephants")
    checks.are_vectors([response.data[0].embedding], count=1)


errors_of(watched)
run(f"openai {openai.__version__}")
