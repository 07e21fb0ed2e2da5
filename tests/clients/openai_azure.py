"""Azure's class of the current `openai` for Python, which names the deployment in the path."""

import os

import openai
from openai import AzureOpenAI

from support import checks, organiser
from support.scenarios import attendee, raised, run, scenario


def azure(credential=None, **options):
    """A client as Azure's documentation shows it."""
    return AzureOpenAI(api_key=credential or attendee(), api_version="2024-10-21", **options)


def complete(on, model=checks.CHAT_MODEL, **options):
    """A chat completion of the usual deployment, unless another is named."""
    return on.chat.completions.create(model=model, messages=checks.QUESTION, **options)


@scenario
def chat_and_embeddings_are_found_below_api_and_below_v1():
    for endpoint in (organiser.API, organiser.V1):
        one = azure(azure_endpoint=endpoint)
        checks.is_response(complete(one).choices[0].message.content)
        response = one.embeddings.create(model=checks.EMBEDDING_MODEL, input="Elephants")
        checks.are_vectors([response.data[0].embedding], count=1)


@scenario
def models_are_listed():
    for endpoint in (organiser.API, organiser.V1):
        names = [model.id for model in azure(azure_endpoint=endpoint).models.list()]
        assert checks.CHAT_MODEL in names, endpoint


@scenario
def responses_are_kept_and_read_with_a_deployment_in_the_options_or_in_the_base_url():
    event = organiser.event(keeps_objects=True)
    credential = f"{event['code']}/ada"
    for endpoint in (organiser.API, organiser.V1):
        for options in (
            {"azure_endpoint": endpoint, "azure_deployment": checks.CHAT_MODEL},
            {"base_url": f"{endpoint}/openai/deployments/{checks.CHAT_MODEL}"},
        ):
            one = azure(credential, **options).with_options(timeout=organiser.SECONDS_TO_ANSWER)
            made = one.responses.create(model=checks.CHAT_MODEL, input="Elephants")
            checks.is_response(made.output_text)
            assert one.responses.retrieve(made.id).id == made.id
            assert [item.type for item in one.responses.input_items.list(made.id)] == ["message"]
            one.responses.delete(made.id)
            assert one.responses.input_tokens.count(model=checks.CHAT_MODEL, input="Elephants").input_tokens > 0


@scenario
def files_below_a_deployment_are_refused_with_their_address():
    one = azure(base_url=f"{organiser.API}/openai/deployments/{checks.CHAT_MODEL}")
    with raised(openai.NotFoundError) as caught:
        one.files.list()
    assert caught.error.code == "unknown_route", caught.error
    assert "/api/openai/files" in caught.error.message, caught.error


@scenario
def moderations_need_no_deployment():
    for endpoint in (organiser.API, organiser.V1):
        for options in ({}, {"azure_deployment": "omni-moderation"}):
            moderated = azure(azure_endpoint=endpoint, **options).moderations.create(input="A kind sentence.")
            assert not moderated.results[0].flagged, (endpoint, options)


@scenario
def the_deployment_is_taken_from_the_start():
    one = azure(azure_endpoint=organiser.API, azure_deployment="gpt-4o")
    assert complete(one, model="ignored").model.startswith("gpt-4o-2024")


@scenario
def the_environment_alone_configures_the_client():
    os.environ.update(AZURE_OPENAI_ENDPOINT=organiser.API, AZURE_OPENAI_API_KEY=attendee())
    try:
        checks.is_response(complete(AzureOpenAI(api_version="2024-10-21")).choices[0].message.content)
    finally:
        del os.environ["AZURE_OPENAI_ENDPOINT"], os.environ["AZURE_OPENAI_API_KEY"]


@scenario
def a_token_of_entra_id_may_be_the_code_as_well():
    one = AzureOpenAI(azure_endpoint=organiser.API, azure_ad_token=attendee(), api_version="2024-10-21")
    checks.is_response(complete(one).choices[0].message.content)


@scenario
def a_stream_begins_with_azures_frame_without_choices():
    first, *chunks = complete(azure(azure_endpoint=organiser.API), stream=True)
    assert first.choices == [] and first.model_extra["prompt_filter_results"], first
    checks.is_response("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


@scenario
def raw_headers_tell_of_the_attendees_own_allowance():
    raw = azure(azure_endpoint=organiser.API).chat.completions.with_raw_response
    checks.are_attendees_headers(raw.create(model=checks.CHAT_MODEL, messages=checks.QUESTION).headers)


@scenario
def errors_have_the_same_classes():
    with raised(openai.AuthenticationError) as caught:
        complete(azure("no-such-code/ada", azure_endpoint=organiser.API))
    assert caught.error.code == "invalid_event_code", caught.error.code
    with raised(openai.NotFoundError) as caught:
        azure(azure_endpoint=organiser.API).embeddings.create(model=checks.CHAT_MODEL, input="Elephants")
    assert (caught.error.code, caught.error.param) == ("model_not_found", "model"), caught.error
    with raised(openai.BadRequestError) as caught:
        complete(azure(azure_endpoint=organiser.API), stream_options={"include_usage": True})
    assert (caught.error.code, caught.error.param) == ("invalid_value", "stream_options"), caught.error


@scenario
def any_api_version_is_accepted():
    one = AzureOpenAI(azure_endpoint=organiser.API, api_key=attendee(), api_version="tomorrow")
    checks.is_response(complete(one).choices[0].message.content)


run(f"openai {openai.__version__} (Azure)")
