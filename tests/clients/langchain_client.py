"""`langchain-openai`: chains, tools, structured outputs and embeddings."""

import asyncio
from importlib import metadata

import openai
import tiktoken
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import AzureChatOpenAI, AzureOpenAIEmbeddings, ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from support import checks, organiser
from support.scenarios import SAMPLES, attendee, raised, run, scenario


class Animal(BaseModel):
    """An animal."""

    species: str
    legs: int


@tool
def read_weather(town: str, unit: str) -> str:
    """Tells the weather of a town."""
    return f"rain in {town}, in {unit}"


def model(**options):
    """A chat model as a workshop sets it up."""
    return ChatOpenAI(model=checks.CHAT_MODEL, base_url=organiser.V1, api_key=attendee(), **options)


@scenario
def a_chat_is_answered_with_its_usage():
    response = model(temperature=0.7, max_tokens=500).invoke([SystemMessage("Be brief."), HumanMessage("Why?")])
    checks.is_response(response.content, messages=2)
    assert response.usage_metadata["total_tokens"] > 0, response.usage_metadata
    assert response.response_metadata["finish_reason"] == "stop", response.response_metadata


@scenario
def a_chain_of_prompt_model_and_parser_is_invoked():
    chain = ChatPromptTemplate.from_template("Tell me about {animal}.") | model() | StrOutputParser()
    text = chain.invoke({"animal": "elephants"})
    checks.is_response(text)
    assert "Tell me about elephants." in text, text


@scenario
def a_stream_is_read_with_and_without_usage():
    for options in ({}, {"stream_usage": True}):
        whole = None
        for chunk in model(**options).stream(SAMPLES["question"]):
            whole = chunk if whole is None else whole + chunk
        checks.is_response(whole.content)
        assert bool(whole.usage_metadata) == bool(options), whole.usage_metadata


@scenario
def a_batch_is_answered_at_once():
    for response in model().batch(["One?", "Two?", "Three?"]):
        checks.is_response(response.content)


@scenario
async def the_asynchronous_calls_work_too():
    one = model()
    responses = await asyncio.gather(one.ainvoke("One?"), one.ainvoke("Two?"))
    checks.is_response(responses[0].content)
    checks.is_response("".join([chunk.content async for chunk in one.astream("Three?")]))


@scenario
def a_tool_is_called_and_its_answer_is_explained():
    one, messages = model().bind_tools([read_weather]), [HumanMessage("How is the weather in Bergen?")]
    asked = one.invoke(messages)
    messages.append(asked)
    for call in asked.tool_calls:
        response = read_weather.invoke(call)
        assert isinstance(response, ToolMessage) and response.content.startswith("rain"), response
        messages.append(response)
    assert "rain" in one.invoke(messages).content


@scenario
def an_answer_is_structured_by_schema_by_tool_and_by_json_mode():
    for method in ("json_schema", "function_calling"):
        animal = model().with_structured_output(Animal, method=method).invoke(SAMPLES["question"])
        assert isinstance(animal, Animal), animal
    response = model().with_structured_output(None, method="json_mode").invoke("Answer as JSON.")
    assert response["simulated"] is True, response


@scenario
def a_picture_is_sent_as_data_or_as_an_address():
    for address in (checks.PNG, SAMPLES["image_address"]):
        response = model().invoke([HumanMessage(checks.about_images(address)[0]["content"])])
        assert "1 image" in response.content, response.content


@scenario
def texts_are_embedded_as_they_are():
    one = OpenAIEmbeddings(
        model=checks.EMBEDDING_MODEL, base_url=organiser.V1, api_key=attendee(), check_embedding_ctx_length=False
    )
    vectors = one.embed_documents(SAMPLES["texts"])
    checks.are_vectors(vectors, count=3)
    checks.are_close(one.embed_query(SAMPLES["texts"][0]), vectors[0])


@scenario
def texts_are_embedded_as_lists_of_tokens():
    # By default this client counts tokens itself and sends them. Its vocabulary is a download, so bytes replace it.
    names = {"name": "bytes", "pat_str": ".+", "special_tokens": {}}
    by_byte = tiktoken.Encoding(mergeable_ranks={bytes([byte]): byte for byte in range(256)}, **names)
    tiktoken.encoding_for_model = lambda _model: by_byte
    one = OpenAIEmbeddings(model=checks.EMBEDDING_MODEL, base_url=organiser.V1, api_key=attendee())
    vectors = one.embed_documents(SAMPLES["texts"])
    checks.are_vectors(vectors, count=3)
    checks.are_close(one.embed_query(SAMPLES["texts"][1]), vectors[1])


@scenario
def azures_classes_find_chat_and_embeddings():
    azure = {"azure_endpoint": organiser.API, "api_key": attendee(), "api_version": "2024-10-21"}
    one = AzureChatOpenAI(azure_deployment=checks.CHAT_MODEL, **azure)
    checks.is_response(one.invoke(SAMPLES["question"]).content)
    checks.is_response("".join(chunk.content for chunk in one.stream(SAMPLES["question"])))
    embeddings = AzureOpenAIEmbeddings(
        azure_deployment=checks.EMBEDDING_MODEL, check_embedding_ctx_length=False, **azure
    )
    checks.are_vectors(embeddings.embed_documents(["Elephants"]), count=1)


@scenario
def an_unknown_code_is_the_sdks_error():
    stranger = ChatOpenAI(model=checks.CHAT_MODEL, base_url=organiser.V1, api_key="no-such-code/ada")
    with raised(openai.AuthenticationError, or_below=True) as caught:
        stranger.invoke("Hello")
    assert caught.error.code == "invalid_event_code" and caught.error.request_id, caught.error


@scenario
def a_busy_model_is_the_sdks_error():
    with raised(openai.RateLimitError, or_below=True) as caught:
        model(max_retries=0).invoke("Please trigger a rate limit.")
    assert caught.error.code == "upstream_busy", caught.error.code


@scenario
def a_filtered_prompt_is_the_sdks_error():
    with raised(openai.BadRequestError, or_below=True) as caught:
        model().invoke("Please trigger the content filter.")
    assert caught.error.code == "content_filter" and caught.error.param == "prompt", caught.error


run(f"langchain-openai {metadata.version('langchain-openai')}")
