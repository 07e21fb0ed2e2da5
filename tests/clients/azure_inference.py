"""`azure-ai-inference`: Azure's own client for models of any maker."""

import base64
import json
import struct
from importlib import metadata

from azure.ai.inference import ChatCompletionsClient, EmbeddingsClient, ImageEmbeddingsClient
from azure.ai.inference.models import (
    AssistantMessage,
    ChatCompletionsToolDefinition,
    FunctionDefinition,
    ImageEmbeddingInput,
    ImageContentItem,
    ImageUrl,
    JsonSchemaFormat,
    SystemMessage,
    TextContentItem,
    ToolMessage,
    UserMessage,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from support import checks, organiser
from support.error_table import ROWS, chat, name_of, world_of
from support.scenarios import SAMPLES, attendee, named, raised, run, scenario

QUESTION = [UserMessage(SAMPLES["question"])]
WEATHER = ChatCompletionsToolDefinition(function=FunctionDefinition(SAMPLES["weather_tool"]["function"]))


def client(endpoint=organiser.V1, credential=None, kind=ChatCompletionsClient, **options):
    """A client of an endpoint."""
    return kind(endpoint=endpoint, credential=AzureKeyCredential(credential or attendee()), **options)


def complete(messages=QUESTION, **options):
    """A chat completion of the usual model."""
    return client(model=checks.CHAT_MODEL).complete(messages=messages, **options)


@scenario
def a_chat_is_answered_below_every_address():
    for endpoint in (
        organiser.V1,
        f"{organiser.API}/models",
        f"{organiser.API}/openai/v1",
        f"{organiser.API}/openai/deployments/{checks.CHAT_MODEL}",
        f"{organiser.V1}/openai/deployments/{checks.CHAT_MODEL}",
    ):
        one = client(endpoint, api_version="2024-10-21", model=checks.CHAT_MODEL)
        response = one.complete(messages=[SystemMessage(SAMPLES["system"]), *QUESTION], temperature=0.7, max_tokens=500)
        checks.is_response(response.choices[0].message.content, messages=2)
        assert response.usage.total_tokens > 0


@scenario
def a_stream_is_read():
    updates = [update for update in complete(stream=True) if update.choices]
    checks.is_response("".join(update.choices[0].delta.content or "" for update in updates))


@scenario
def a_tool_is_called_and_its_answer_is_explained():
    messages = [UserMessage("How is the weather in Bergen?")]
    asked = complete(messages, tools=[WEATHER], tool_choice="auto").choices[0].message
    messages.append(AssistantMessage(tool_calls=asked.tool_calls))
    for call in asked.tool_calls:
        checks.is_weather_call(call.function.name, json.loads(call.function.arguments))
        messages.append(ToolMessage('{"sky": "rain"}', tool_call_id=call.id))
    assert "rain" in complete(messages, tools=[WEATHER]).choices[0].message.content


@scenario
def json_mode_answers_an_object_and_a_json_schema_is_kept():
    response = complete([SystemMessage("Answer as JSON."), *QUESTION], response_format="json_object")
    assert isinstance(json.loads(response.choices[0].message.content), dict)
    response = complete(response_format=JsonSchemaFormat(**SAMPLES["animal_schema"]))
    checks.is_animal(json.loads(response.choices[0].message.content))


@scenario
def a_picture_is_sent_as_data_or_as_an_address():
    for address in (checks.PNG, SAMPLES["image_address"]):
        parts = [TextContentItem(text="What is this?"), ImageContentItem(image_url=ImageUrl(url=address))]
        text = complete([UserMessage(parts)]).choices[0].message.content
        assert "1 image" in text, text


@scenario
def texts_are_embedded_as_numbers_and_as_base64():
    one = client(kind=EmbeddingsClient, model=checks.EMBEDDING_MODEL)
    numbers = [item.embedding for item in one.embed(input=SAMPLES["texts"]).data]
    checks.are_vectors(numbers, count=3)
    packed = one.embed(input=SAMPLES["texts"][:1], encoding_format="base64").data[0].embedding
    checks.are_close(struct.unpack(f"<{checks.DIMENSIONS}f", base64.b64decode(packed)), numbers[0])
    assert len(one.embed(input=["Elephants"], dimensions=256).data[0].embedding) == 256


@scenario
def an_image_is_embedded_with_a_text():
    model = "cohere-embed-v3-english"
    organiser.deployment(model, azure_name=model, operations=["embeddings"])
    made = organiser.event(deployments=[model])
    one = client(f"{organiser.API}/models", f"{made['code']}/ada", ImageEmbeddingsClient, model=model)
    embedded = one.embed(input=[ImageEmbeddingInput(image=checks.PNG, text="An elephant")], input_type="document")
    checks.are_vectors([item.embedding for item in embedded.data], count=1)
    assert embedded.usage.prompt_tokens > 1_000
    organiser.settle(made["id"])
    used = organiser.call("GET", f"/events/{made['id']}/usage")["total"]
    assert used["prompt_tokens"] == embedded.usage.prompt_tokens, used


@scenario
def a_deployments_address_embeds_too():
    endpoint = f"{organiser.API}/openai/deployments/{checks.EMBEDDING_MODEL}"
    one = client(endpoint, kind=EmbeddingsClient, api_version="2024-10-21")
    checks.are_vectors([item.embedding for item in one.embed(input=["Elephants"]).data], count=1)


# Azure's classes; any other status is an HttpResponseError.
CLASSES = {401: ClientAuthenticationError, 404: ResourceNotFoundError}


def fails_as_the_table_says(row):
    """Sends a row's chat once and checks the exception."""
    with world_of(row) as credential:
        asked = chat(row["request"])
        messages, rest = asked.pop("messages"), asked
        extras = {name: rest.pop(name) for name in ("n",) if name in rest}
        with raised(CLASSES.get(row["status"], HttpResponseError)) as caught:
            # This client's own retries wait for as long as a response says, even a day.
            client(credential=credential, retry_total=0).complete(
                messages=messages, model_extras=extras or None, **rest
            )
    error = caught.error
    assert (error.status_code, error.error.code) == (row["status"], row["error"]), (error.status_code, error.error)
    assert error.response.headers["x-request-id"]


for each in ROWS:
    if "chat" in each["request"]:
        named(name_of(each))(lambda row=each: fails_as_the_table_says(row))


run(f"azure-ai-inference {metadata.version('azure-ai-inference')}")
