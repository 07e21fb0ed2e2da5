"""The current `openai` for Python: responses, and what an attendee keeps upstream."""

import time

import openai
from openai import AzureOpenAI, OpenAI

from support import checks, organiser
from support.scenarios import attendee, raised, run, scenario


def client(credential=None, **options):
    """A client as docs/attendees.md shows it."""
    return OpenAI(base_url=organiser.V1, api_key=credential or attendee(), **options)


def respond(on, text="Hello", **options):
    """A response of the usual model."""
    return on.responses.create(model=checks.CHAT_MODEL, input=text, **options)


@scenario
def a_response_is_answered_with_its_usage():
    response = respond(client(), instructions="Be kind.", max_output_tokens=500)
    checks.is_response(response.output_text, messages=2)
    assert response.status == "completed" and response.id.startswith("resp_")
    usage = response.usage
    assert usage.input_tokens > 0 and usage.input_tokens + usage.output_tokens == usage.total_tokens, usage


@scenario
def a_response_is_streamed_by_named_events():
    one = client()
    events = list(respond(one, stream=True))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[-1].type == "response.completed" and events[-1].response.output_text == text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    with one.responses.stream(model=checks.CHAT_MODEL, input="Hello") as stream:
        checks.is_response(stream.get_final_response().output_text)


@scenario
def a_function_is_called_and_its_output_answered():
    function = checks.WEATHER["function"]
    tool = {"type": "function", "strict": False, **function}
    one = client()
    first = respond(one, "How is the weather in Bergen?", tools=[tool])
    call = first.output[0]
    assert call.type == "function_call" and call.name == "read_weather", call
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
    second = respond(one, [output], previous_response_id=first.id, tools=[tool])
    assert "rain" in second.output_text, second.output_text


@scenario
def a_stored_response_is_retrieved_continued_and_deleted():
    one = client()
    first = respond(one)
    assert one.responses.retrieve(first.id).output_text == first.output_text
    second = respond(one, "And now?", previous_response_id=first.id)
    checks.is_response(second.output_text, messages=3)
    items = one.responses.input_items.list(second.id, order="asc", limit=5)
    assert items.data[0].content[0].text == "And now?", items.data
    with raised(openai.BadRequestError):
        one.responses.cancel(first.id)
    one.responses.delete(first.id)
    with raised(openai.NotFoundError) as caught:
        one.responses.retrieve(first.id)
    assert caught.error.code == "object_not_found", caught.error.code


@scenario
def an_unstored_response_is_not_kept():
    one = client()
    with raised(openai.NotFoundError):
        one.responses.retrieve(respond(one, store=False).id)


@scenario
def a_conversation_is_made_talked_in_and_deleted():
    one = client()
    conversation = one.conversations.create(metadata={"topic": "elephants"})
    assert one.conversations.retrieve(conversation.id).metadata == {"topic": "elephants"}
    respond(one, conversation=conversation.id)
    response = respond(one, "Again", conversation=conversation.id)
    checks.is_response(response.output_text, messages=3)
    added = one.conversations.items.create(
        conversation.id, items=[{"type": "message", "role": "user", "content": "More"}]
    )
    texts = [item.content[0].text for item in one.conversations.items.list(conversation.id, order="asc")]
    assert len(texts) == 5 and texts[-1] == "More", texts
    assert one.conversations.items.retrieve(added.data[0].id, conversation_id=conversation.id).id == added.data[0].id
    one.conversations.items.delete(added.data[0].id, conversation_id=conversation.id)
    assert one.conversations.update(conversation.id, metadata={"a": "b"}).metadata == {"a": "b"}
    assert one.conversations.delete(conversation.id).deleted
    with raised(openai.NotFoundError):
        respond(one, conversation=conversation.id)


@scenario
def files_are_uploaded_listed_read_and_deleted():
    one = client()
    made = [one.files.create(file=(f"notes {n}.txt", b"note \x00\xff"), purpose="user_data") for n in range(3)]
    listed = [file.id for file in one.files.list(limit=2)]
    assert listed == [file.id for file in reversed(made)], listed
    assert one.files.retrieve(made[0].id).bytes == 7
    assert one.files.content(made[0].id).read() == b"note \x00\xff"
    assert one.files.delete(made[0].id).deleted
    assert len(list(one.files.list())) == 2
    with raised(openai.BadRequestError):
        one.files.create(file=("x.jsonl", b"{}"), purpose="batch")


@scenario
def a_vector_store_is_filled_searched_and_deleted():
    one = client()
    file = one.files.create(file=("notes.txt", b"Elephants live in India."), purpose="assistants")
    store = one.vector_stores.create(name="notes", file_ids=[file.id])
    assert one.vector_stores.retrieve(store.id).file_counts.completed == 1
    assert [each.id for each in one.vector_stores.list()] == [store.id]
    more = one.files.create(file=("more.txt", b"And in Africa."), purpose="assistants")
    assert one.vector_stores.files.create_and_poll(more.id, vector_store_id=store.id).status == "completed"
    batch = one.vector_stores.file_batches.create_and_poll(store.id, file_ids=[more.id])
    assert batch.status == "completed", batch
    found = [result.content[0].text for result in one.vector_stores.search(store.id, query="elephants")]
    assert "Elephants live in India." in found, found
    assert one.vector_stores.update(store.id, name="better").name == "better"
    one.vector_stores.files.delete(file.id, vector_store_id=store.id)
    assert one.vector_stores.delete(store.id).deleted


@scenario
def the_files_of_ones_own_code_interpreter_are_read():
    code = organiser.event(keeps_objects=True, hosted_tools={"code_interpreter": "allow"})["code"]
    one, other = client(attendee(code)), client(attendee(code))
    file = one.files.create(file=("numbers.csv", b"1,2,3"), purpose="assistants")
    tool = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": [file.id]}}
    for stream in (False, True):
        response = respond(one, "Square these numbers", tools=[tool], stream=stream, store=stream)
        response = list(response)[-1].response if stream else response
        call, message = response.output[-2:]
        assert call.type == "code_interpreter_call", response.output
        cited = message.content[0].annotations[0]
        assert cited.type == "container_file_citation" and cited.container_id == call.container_id, cited
        content = one.containers.files.content.retrieve(cited.file_id, container_id=cited.container_id).read()
        assert content.startswith(b"n,square"), content
        files = {each.path: each.id for each in one.containers.files.list(call.container_id)}
        assert set(files) == {"/mnt/data/numbers.csv", f"/mnt/data/{cited.filename}"}, files
        assert one.containers.retrieve(call.container_id).status == "running"
        read = one.containers.files.retrieve(cited.file_id, container_id=call.container_id)
        assert read.container_id == call.container_id and read.bytes == len(content), read
    again = respond(one, "Again", tools=[{"type": "code_interpreter", "container": call.container_id}])
    assert again.output[-2].container_id == call.container_id, again.output
    for refused in (
        lambda: other.containers.retrieve(call.container_id),
        lambda: other.containers.files.content.retrieve(cited.file_id, container_id=call.container_id),
        lambda: respond(other, "Mine", tools=[{"type": "code_interpreter", "container": call.container_id}]),
    ):
        with raised(openai.NotFoundError) as caught:
            refused()
        assert caught.error.code == "object_not_found", caught.error.code
    one.containers.delete(call.container_id)
    with raised(openai.NotFoundError):
        one.containers.retrieve(call.container_id)


@scenario
def the_code_interpreter_goes_on_in_the_next_turn():
    for keeps in (False, True):
        code = organiser.event(keeps_objects=keeps, hosted_tools={"code_interpreter": "allow"})["code"]
        one, other = client(attendee(code)), client(attendee(code))
        options = {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}], "store": False}
        said, used = [], set()
        for stream in (False, True, False):
            said.append({"role": "user", "content": "Square these numbers"})
            response = respond(one, said, stream=stream, **options)
            response = list(response)[-1].response if stream else response
            said += [item.model_dump(exclude_none=True) for item in response.output]
            used |= {item.container_id for item in response.output if item.type == "code_interpreter_call"}
        assert len(used) == 1, used
        assert one.responses.input_tokens.count(model=checks.CHAT_MODEL, input=said).input_tokens > 0
        with raised(openai.NotFoundError):
            respond(other, said, **options)


@scenario
def the_second_attendee_finds_nothing_of_the_firsts():
    one, other = client(), client()
    response, conversation = respond(one), one.conversations.create()
    file = one.files.create(file=("notes.txt", b"mine"), purpose="user_data")
    store = one.vector_stores.create(file_ids=[file.id])
    for call in (
        lambda: other.responses.retrieve(response.id),
        lambda: other.responses.delete(response.id),
        lambda: respond(other, previous_response_id=response.id),
        lambda: respond(other, conversation=conversation.id),
        lambda: other.conversations.items.list(conversation.id),
        lambda: other.files.content(file.id),
        lambda: other.vector_stores.search(store.id, query="mine"),
        lambda: other.vector_stores.create(file_ids=[file.id]),
    ):
        with raised(openai.NotFoundError) as caught:
            call()
        assert caught.error.code == "object_not_found", caught.error
    assert not list(other.files.list()) and not list(other.vector_stores.list())
    assert one.files.content(file.id).read() == b"mine"


@scenario
def azures_client_finds_its_own_path():
    one = AzureOpenAI(azure_endpoint=organiser.API, api_key=attendee(), api_version="2025-04-01-preview")
    response = respond(one)
    checks.is_response(response.output_text)
    assert one.responses.retrieve(response.id).id == response.id
    assert one.files.create(file=("a.txt", b"a"), purpose="assistants").id


@scenario
def an_error_in_a_stream_is_raised():
    one = client()
    with raised(openai.BadRequestError):
        respond(one, "Please trigger the content filter.", stream=True)
    with raised(openai.BadRequestError) as caught:
        respond(one, background=True)
    assert caught.error.param == "background", caught.error


@scenario
def polling_costs_nothing_and_the_rest_a_request_each():
    credential = attendee()
    one = client(credential)
    file = one.files.create(file=("a.txt", b"a"), purpose="user_data")
    for _ in range(3):
        one.files.retrieve(file.id)
    one.files.delete(file.id)
    # Nothing is held for them, so only the count shows whether they are settled.
    deadline = time.monotonic() + organiser.SECONDS_TO_SETTLE
    while (usage := organiser.usage(credential))["requests"] < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (usage["requests"], usage["total_tokens"]) == (2, 0), usage


@scenario
def an_event_that_keeps_nothing_says_so():
    event = organiser.event(deployments=["gpt-4o-mini"])
    one = client(f"{event['code']}/ada")
    response = respond(one, store=True)
    checks.is_response(response.output_text)
    for call in (lambda: one.responses.retrieve(response.id), lambda: one.files.list()):
        with raised(openai.PermissionDeniedError) as caught:
            call()
        assert caught.error.code == "objects_not_kept", caught.error


run(f"openai {openai.__version__}")
