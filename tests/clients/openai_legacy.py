"""`openai` 0.28.1, pointed at the service by its `api_base`."""

import base64
import json
import os
import tempfile
import time

from support import checks, organiser
from support.scenarios import SAMPLES, attendee, raised, run, scenario

# This generation reads them when it is imported.
os.environ.update(OPENAI_API_BASE=organiser.V1, OPENAI_API_KEY=attendee())

import openai  # noqa: E402
import openai.error  # noqa: E402
from openai.api_requestor import APIRequestor  # noqa: E402

from support import legacy  # noqa: E402


def create(credential=None, messages=checks.QUESTION, **options):
    """A chat completion of the usual model, unless another is named."""
    chat = {"model": checks.CHAT_MODEL, "messages": messages} | options
    return openai.ChatCompletion.create(api_key=credential or attendee(), **chat)


@scenario
def the_environment_alone_configures_the_module():
    response = openai.ChatCompletion.create(model=checks.CHAT_MODEL, messages=checks.QUESTION)
    checks.is_response(response.choices[0].message.content)
    assert response["usage"]["total_tokens"] > 0


@scenario
def a_single_request_names_its_own_address_and_credential():
    response = create(api_base=f"{organiser.API}/openai/v1", temperature=0.9, max_tokens=500)
    checks.is_response(response.choices[0].message.content)


@scenario
def a_conversation_keeps_its_history():
    messages = [{"role": "system", "content": SAMPLES["system"]}]
    for turn in (1, 2, 3):
        messages.append({"role": "user", "content": f"Question {turn}?"})
        text = create(messages=messages).choices[0].message.content
        checks.is_response(text, messages=2 * turn)
        messages.append({"role": "assistant", "content": text})


@scenario
def a_stream_is_read_without_guarding_its_first_choice():
    checks.is_response("".join(chunk.choices[0].delta.get("content", "") for chunk in create(stream=True)))


@scenario
async def the_asynchronous_calls_work_too():
    options = {"model": checks.CHAT_MODEL, "messages": checks.QUESTION, "api_key": attendee()}
    response = await openai.ChatCompletion.acreate(**options)
    checks.is_response(response.choices[0].message.content)
    text = ""
    async for chunk in await openai.ChatCompletion.acreate(**options, stream=True):
        text += chunk.choices[0].delta.get("content", "")
    checks.is_response(text)


@scenario
def a_function_is_called_and_its_answer_is_explained():
    function = SAMPLES["weather_tool"]["function"]
    messages = [{"role": "user", "content": "How is the weather in Bergen?"}]
    asked = create(messages=messages, functions=[function], function_call="auto").choices[0]
    assert asked.finish_reason == "function_call", asked.finish_reason
    call = asked.message.function_call
    checks.is_weather_call(call.name, json.loads(call.arguments))
    messages += [asked.message, {"role": "function", "name": call.name, "content": '{"sky": "rain"}'}]
    assert "rain" in create(messages=messages, functions=[function]).choices[0].message.content


@scenario
def texts_and_tokens_are_embedded():
    credential = attendee()
    legacy.check_embeddings(
        lambda **inputs: openai.Embedding.create(model=checks.EMBEDDING_MODEL, api_key=credential, **inputs)
    )


@scenario
def a_completion_of_an_engine_is_written_whole_and_streamed():
    for options in ({"engine": "gpt-35-turbo-instruct"}, {"model": "gpt-35-turbo-instruct"}):
        response = openai.Completion.create(prompt="Once", max_tokens=20, api_key=attendee(), **options)
        assert response.choices[0].text.startswith(" [simulated]") and response.usage.total_tokens > 0, response
        chunks = openai.Completion.create(prompt="Once", max_tokens=20, stream=True, api_key=attendee(), **options)
        assert "".join(chunk.choices[0].text for chunk in chunks) == response.choices[0].text


@scenario
def pictures_are_made_and_edited():
    made = openai.Image.create(prompt="An elephant", n=2, size="512x512", api_key=attendee())
    assert [picture.url.startswith("https://") for picture in made["data"]] == [True, True], made
    with tempfile.TemporaryFile() as png:
        png.write(base64.b64decode(SAMPLES["png_base64"]))
        png.seek(0)
        edited = openai.Image.create_edit(image=png, prompt="Taller", n=1, api_key=attendee())
    assert edited["data"][0]["b64_json"], edited


@scenario
def models_are_listed():
    names = [model.id for model in openai.Model.list(api_key=attendee()).data]
    assert checks.CHAT_MODEL in names, names


@scenario
def the_headers_of_an_answer_tell_its_request_id_and_rates():
    raw, _, _ = APIRequestor(attendee()).request(
        "post", "/chat/completions", params={"model": checks.CHAT_MODEL, "messages": checks.QUESTION}
    )
    checks.are_attendees_headers({name.lower(): value for name, value in raw._headers.items()})


@scenario
def a_retry_of_ones_own_making_ends_in_the_last_error():
    def with_retry(tries=3, pause=0.01):
        busy = [{"role": "user", "content": "Please trigger a rate limit."}]
        for attempt in range(tries):
            try:
                return create(messages=busy)
            except openai.error.RateLimitError:
                if attempt == tries - 1:
                    raise
                time.sleep(pause * 2**attempt)

    legacy.requests_made.clear()
    with raised(openai.error.RateLimitError):
        with_retry()
    assert legacy.requests_made == [429] * 3, legacy.requests_made


def send_plain(credential, method, path):
    """A request of no resource of the module."""
    params = {} if method == "post" else None
    return APIRequestor(credential).request(method, path, params=params, request_timeout=10)


legacy.errors_of(create, send_plain)
run(f"openai {openai.version.VERSION}")
