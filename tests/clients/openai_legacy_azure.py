"""`openai` 0.28.1 with `api_type = "azure"`, which names the deployment in the path."""

import openai

from support import checks, legacy, organiser
from support.scenarios import attendee, run, scenario

openai.api_type = "azure"
openai.api_base = organiser.API
openai.api_version = "2023-07-01-preview"


def create(credential=None, model=checks.CHAT_MODEL, messages=checks.QUESTION, **options):
    """A chat completion of the usual deployment, unless another is named."""
    return openai.ChatCompletion.create(api_key=credential or attendee(), engine=model, messages=messages, **options)


@scenario
def a_chat_is_answered_below_api_and_below_v1():
    for base in (organiser.API, organiser.V1):
        checks.is_response(create(api_base=base).choices[0].message.content)


@scenario
def a_deployment_is_named_by_its_id_as_well():
    response = openai.ChatCompletion.create(api_key=attendee(), deployment_id="gpt-4o", messages=checks.QUESTION)
    assert response.model.startswith("gpt-4o-2024"), response.model


@scenario
def a_stream_begins_with_azures_frame_without_choices():
    first, *chunks = create(stream=True)
    assert first.choices == [] and first.prompt_filter_results, first
    checks.is_response("".join(chunk.choices[0].delta.get("content", "") for chunk in chunks))


@scenario
def texts_and_tokens_are_embedded():
    credential = attendee()
    legacy.check_embeddings(
        lambda **inputs: openai.Embedding.create(engine=checks.EMBEDDING_MODEL, api_key=credential, **inputs)
    )


legacy.errors_of(create)
run(f"openai {openai.version.VERSION} (Azure)")
