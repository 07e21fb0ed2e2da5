"""The current `openai` for Python, synchronous."""

import base64
import json
import os
import time

import openai
from openai import DefaultHttpxClient, OpenAI
from pydantic import BaseModel

from support import checks, organiser
from support.openai_errors import Watch, errors_of
from support.scenarios import SAMPLES, attendee, raised, run, scenario


def client(credential=None, **options):
    """A client as docs/attendees.md shows it."""
    return OpenAI(base_url=organiser.V1, api_key=credential or attendee(), **options)


def watched(credential, **options):
    """A client whose requests are counted."""
    watch = Watch()
    return client(credential, http_client=DefaultHttpxClient(event_hooks=watch.hooks()), **options), watch


def complete(on, messages=checks.QUESTION, **options):
    """A chat completion of the usual model."""
    return on.chat.completions.create(model=checks.CHAT_MODEL, messages=messages, **options)


@scenario
def a_chat_is_answered_with_its_usage():
    response = complete(client(), checks.CONVERSATION, temperature=0.7, max_tokens=500, timeout=30.0)
    checks.is_response(response.choices[0].message.content, messages=2)
    assert response.choices[0].finish_reason == "stop" and response.id.startswith("chatcmpl-")
    usage = response.usage
    assert usage.prompt_tokens > 0 and usage.prompt_tokens + usage.completion_tokens == usage.total_tokens, usage
    assert response._request_id


@scenario
def the_environment_alone_configures_the_client():
    os.environ.update(OPENAI_BASE_URL=organiser.V1, OPENAI_API_KEY=attendee())
    try:
        checks.is_response(complete(OpenAI()).choices[0].message.content)
    finally:
        del os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]


@scenario
def a_conversation_keeps_its_history():
    one, messages = client(), [{"role": "system", "content": SAMPLES["system"]}]
    for turn in (1, 2, 3):
        messages.append({"role": "user", "content": f"Question {turn}?"})
        text = complete(one, messages, temperature=0.7).choices[0].message.content
        checks.is_response(text, messages=2 * turn)
        messages.append({"role": "assistant", "content": text})


@scenario
def a_stream_is_read_without_guarding_its_first_choice():
    pieces, finished = [], None
    for chunk in complete(client(), stream=True):
        if chunk.choices[0].delta.content:
            pieces.append(chunk.choices[0].delta.content)
        finished = chunk.choices[0].finish_reason
    checks.is_response("".join(pieces))
    assert len(pieces) > 10 and finished == "stop", (len(pieces), finished)


@scenario
def a_stream_ends_with_its_usage_if_that_was_asked_for():
    *chunks, last = complete(client(), stream=True, stream_options={"include_usage": True})
    assert last.choices == [] and last.usage.completion_tokens > 10, last
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


@scenario
def a_stream_is_read_by_the_helper():
    with client().chat.completions.stream(model=checks.CHAT_MODEL, messages=checks.QUESTION) as stream:
        kinds = {event.type for event in stream}
        checks.is_response(stream.get_final_completion().choices[0].message.content)
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds


@scenario
def a_stream_that_is_left_early_leaves_the_client_usable():
    one = client()
    with complete(one, stream=True) as stream:
        next(iter(stream))
    checks.is_response(complete(one).choices[0].message.content)


@scenario
def a_tool_is_called_and_its_answer_is_explained():
    one, messages = client(), [{"role": "user", "content": "How is the weather in Bergen?"}]
    asked = complete(one, messages, tools=[checks.WEATHER], tool_choice="auto").choices[0]
    assert asked.finish_reason == "tool_calls" and asked.message.content is None, asked
    messages.append(asked.message)
    for call in asked.message.tool_calls:
        checks.is_weather_call(call.function.name, json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": '{"sky": "rain"}'})
    assert "rain" in complete(one, messages, tools=[checks.WEATHER]).choices[0].message.content


@scenario
def a_tool_call_is_streamed_in_pieces():
    name, arguments = "", ""
    for chunk in complete(client(), checks.ABOUT_WEATHER, tools=[checks.WEATHER], stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            name += call.function.name or ""
            arguments += call.function.arguments or ""
    checks.is_weather_call(name, json.loads(arguments))


@scenario
def json_mode_answers_an_object():
    messages = [{"role": "system", "content": "Answer as JSON."}, *checks.QUESTION]
    response = complete(client(), messages, response_format={"type": "json_object"}, temperature=0)
    assert isinstance(json.loads(response.choices[0].message.content), dict)


@scenario
def a_json_schema_is_kept():
    schema = {"type": "json_schema", "json_schema": SAMPLES["animal_schema"]}
    checks.is_animal(json.loads(complete(client(), response_format=schema).choices[0].message.content))


@scenario
def a_pydantic_model_is_parsed():
    class Animal(BaseModel):
        species: str
        legs: int

    response = client().chat.completions.parse(
        model=checks.CHAT_MODEL, messages=checks.QUESTION, response_format=Animal
    )
    assert isinstance(response.choices[0].message.parsed, Animal)


@scenario
def a_picture_is_sent_as_data_or_as_an_address():
    for address in (checks.PNG, SAMPLES["image_address"]):
        response = complete(client(), checks.about_images(address), max_tokens=1000)
        assert "1 image" in response.choices[0].message.content, response.choices[0].message.content


@scenario
def a_picture_of_four_megabytes_is_sent():
    large = "data:image/png;base64," + base64.b64encode(bytes(3_000_000)).decode()
    assert "1 image" in complete(client(), checks.about_images(large)).choices[0].message.content


def embed(inputs, **options):
    """Vectors of the usual model."""
    response = client().embeddings.create(model=checks.EMBEDDING_MODEL, input=inputs, **options)
    assert response.usage.total_tokens > 0
    return [item.embedding for item in response.data]


@scenario
def texts_are_embedded_one_by_one_and_together():
    together = embed(SAMPLES["texts"])
    checks.are_vectors(together, count=3)
    checks.are_close(embed(SAMPLES["texts"][2])[0], together[2])


@scenario
def tokens_are_embedded_one_list_by_one_and_together():
    together = embed(SAMPLES["tokens"])
    checks.are_vectors(together, count=2)
    checks.are_close(embed(SAMPLES["tokens"][1])[0], together[1])


@scenario
def vectors_come_as_numbers_as_base64_and_shorter():
    text = SAMPLES["texts"][0]
    numbers, packed = embed(text, encoding_format="float")[0], embed(text, encoding_format="base64")[0]
    assert isinstance(packed, str) and len(base64.b64decode(packed)) == 4 * checks.DIMENSIONS
    checks.are_close(numbers, embed(text)[0])
    assert len(embed(text, dimensions=256)[0]) == 256


@scenario
def a_legacy_completion_is_written_whole_and_streamed():
    one, options = client(), {"model": "gpt-35-turbo-instruct", "prompt": ["Once", "Twice"], "max_tokens": 20}
    response = one.completions.create(**options)
    assert [choice.index for choice in response.choices] == [0, 1], response
    assert all(choice.text.startswith(" [simulated]") for choice in response.choices), response
    *chunks, last = one.completions.create(**options, stream=True, stream_options={"include_usage": True})
    assert "".join(c.choices[0].text for c in chunks if c.choices[0].index == 1) == response.choices[1].text
    assert last.usage == response.usage, (last.usage, response.usage)


@scenario
def pictures_come_as_addresses_or_as_data_and_are_counted():
    credential = attendee()
    images = client(credential).images
    made = images.generate(model="dall-e-3", prompt="An elephant", n=2, size="1024x1024", quality="hd", style="vivid")
    assert all(picture.url.startswith("https://") for picture in made.data) and len(made.data) == 2, made
    packed = images.generate(model="dall-e-3", prompt="An elephant", response_format="b64_json").data[0].b64_json
    assert base64.b64decode(packed).startswith(b"\x89PNG"), packed
    made = images.generate(model="gpt-image-1", prompt="An elephant", quality="medium")
    assert made.usage.output_tokens > 0 and made.data[0].b64_json, made
    events = list(images.generate(model="gpt-image-1", prompt="An elephant", stream=True, partial_images=2))
    assert [event.type for event in events][-1] == "image_generation.completed" and len(events) == 3, events
    used = organiser.usage(credential)
    assert (used["requests"], used["images"]) == (4, 5), used


@scenario
def pictures_are_edited():
    png = base64.b64decode(SAMPLES["png_base64"])
    pictures = [("one.png", png, "image/png"), ("two.png", png, "image/png")]
    made = client().images.edit(model="gpt-image-1", image=pictures, mask=("mask.png", png), prompt="Taller", n=2)
    assert len(made.data) == 2 and made.usage.total_tokens > 0, made


WAV = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0" + bytes(64_000)


@scenario
def a_recording_is_transcribed_in_every_format():
    credential = attendee()
    audio, file = client(credential).audio, ("hello.wav", WAV, "audio/wav")
    assert "[simulated]" in audio.transcriptions.create(model="whisper", file=file).text
    whole = audio.transcriptions.create(model="whisper", file=file, response_format="verbose_json")
    assert float(whole.duration) == 3, whole
    for form in ("text", "srt", "vtt"):
        text = audio.transcriptions.create(model="whisper", file=file, response_format=form)
        assert isinstance(text, str) and "[simulated]" in text, text
    assert "[simulated]" in audio.translations.create(model="whisper", file=file).text
    used = organiser.usage(credential)
    # The simulator hears three seconds in all bytes, the file's headers name two; three responses name none.
    assert (used["requests"], used["audio_seconds"]) == (6, 3 * 3 + 3 * 2), used


@scenario
def a_transcription_is_streamed():
    file = ("hello.wav", WAV, "audio/wav")
    events = list(client().audio.transcriptions.create(model="gpt-4o-mini-transcribe", file=file, stream=True))
    assert {event.type for event in events} == {"transcript.text.delta", "transcript.text.done"}, events
    assert events[-1].text == "".join(event.delta for event in events[:-1]), events


@scenario
def a_text_is_spoken_whole_and_streamed():
    credential = attendee()
    speech, options = client(credential).audio.speech, {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Good morning."}
    whole = speech.create(**options)
    assert whole.response.headers["content-type"] == "audio/mpeg" and whole.content.startswith(b"\xff\xfb")
    with speech.with_streaming_response.create(**options, response_format="wav") as response:
        assert response.headers["content-type"] == "audio/wav"
        assert b"".join(response.iter_bytes()) == whole.content
    used = organiser.usage(credential)
    assert (used["requests"], used["characters"]) == (2, 26), used


@scenario
def texts_are_judged():
    judged = client().moderations.create(model="omni-moderation", input=["Kind.", "Please trigger the content filter."])
    assert [result.flagged for result in judged.results] == [False, True], judged


@scenario
def files_are_refused_as_plainly_as_everything_else():
    one, watch = watched(attendee())
    with raised(openai.BadRequestError) as caught:
        one.images.generate(model="dall-e-3", prompt="x", n=11)
    assert caught.error.param == "n" and caught.error.code == "invalid_value", caught.error
    with raised(openai.NotFoundError) as caught:
        one.audio.transcriptions.create(model="dall-e-3", file=("a.wav", WAV))
    assert caught.error.code == "model_not_found", caught.error
    with raised(openai.BadRequestError) as caught:
        one.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="x", response_format="wma")
    assert caught.error.param == "response_format" and len(watch.sent_at) == 3, caught.error


@scenario
def raw_headers_tell_of_the_attendees_own_allowance():
    raw = client().chat.completions.with_raw_response.create(
        model=checks.CHAT_MODEL, messages=checks.QUESTION, max_tokens=100_000
    )
    checks.are_attendees_headers(raw.headers)
    assert "4096" in raw.headers["x-event-max-tokens"], raw.headers["x-event-max-tokens"]
    checks.is_response(raw.parse().choices[0].message.content)


@scenario
def models_are_listed_and_described():
    one = client()
    names = [model.id for model in one.models.list()]
    assert {checks.CHAT_MODEL, checks.EMBEDDING_MODEL} <= set(names), names
    assert one.models.retrieve(checks.CHAT_MODEL).id == checks.CHAT_MODEL


@scenario
def the_plain_client_finds_azures_v1_address():
    one = OpenAI(base_url=f"{organiser.API}/openai/v1/", api_key=attendee())
    checks.is_response(complete(one).choices[0].message.content)
    assert "".join(c.choices[0].delta.content or "" for c in complete(one, stream=True) if c.choices)


@scenario
def a_gateways_client_names_user_model_and_code_in_headers():
    code, user = attendee().split("/")
    one = OpenAI(api_key="dummy", base_url=f"{organiser.API}/openai-proxy/")
    headers = {
        "x-user-id": user,
        "x-company-id": "none",
        "x-api-version": "2023-12-06",
        "x-app-id": "none",
        "x-model": "gpt-4o",
        "Authorization": f"Bearer {code}",
    }
    response = one.chat.completions.create(extra_headers=headers, messages=checks.CONVERSATION, model="AZURE_o3")
    assert response.model.startswith("gpt-4o-2024"), response.model
    assert organiser.usage(f"{code}/{user}")["requests"] == 1


@scenario
def every_form_of_a_credential_is_one_attendee():
    credential = attendee()
    complete(client(credential.upper()))
    complete(client("dummy", default_headers={"api-key": credential}))
    complete(client("dummy", default_headers={"openai-event-code": credential}))
    assert organiser.usage(credential)["requests"] == 3


@scenario
def a_retry_of_ones_own_making_ends_in_the_last_error():
    def with_backoff(call, tries=3, pause=0.01):
        for attempt in range(tries):
            try:
                return call()
            except openai.RateLimitError as error:
                last = error
            except openai.APIError as error:
                if error.status_code < 500:
                    raise
                last = error
            time.sleep(pause * 2**attempt)
        raise last

    one, watch = watched(attendee(), max_retries=0)
    busy = [{"role": "user", "content": "Please trigger a rate limit."}]
    with raised(openai.RateLimitError):
        with_backoff(lambda: complete(one, busy))
    checks.is_response(with_backoff(lambda: complete(one)).choices[0].message.content)
    assert len(watch.sent_at) == 4, len(watch.sent_at)


errors_of(watched)
run(f"openai {openai.__version__}")
