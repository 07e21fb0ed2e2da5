"""The current `openai` for Python: assistants, threads and runs, and videos."""

import time
import warnings

import openai
from openai import AzureOpenAI, OpenAI

from support import checks, organiser
from support.scenarios import SAMPLES, attendee, raised, run, scenario

TEXT = SAMPLES["question"]

# The SDK warns that OpenAI will retire each of these calls. Azure retires them resource by resource.
warnings.simplefilter("ignore", DeprecationWarning)


def client(credential=None, **options):
    """A client as docs/attendees.md shows it."""
    return OpenAI(base_url=organiser.V1, api_key=credential or attendee(), **options)


def assistant_and_thread(on, **options):
    """An assistant and a thread with a question."""
    assistant = on.beta.assistants.create(model=checks.CHAT_MODEL, name="Tutor", **options)
    thread = on.beta.threads.create(messages=[{"role": "user", "content": TEXT}])
    return assistant, thread


def last_text(on, thread):
    """The last message of a thread."""
    return on.beta.threads.messages.list(thread_id=thread.id).data[0].content[0].text.value


def settled(credential, tokens=0, requests=0):
    """Waits until nothing is held and so much was counted at least, and returns the usage."""
    deadline = time.monotonic() + organiser.SECONDS_TO_SETTLE
    while True:
        usage = organiser.usage(credential)
        is_counted = usage["total_tokens"] >= tokens and usage["requests"] >= requests
        if usage["held_tokens"] == 0 and is_counted or time.monotonic() > deadline:
            return usage
        time.sleep(0.02)


@scenario
def a_gateways_own_flow_runs_with_its_own_headers():
    event = organiser.event(keeps_objects=True, extra_tool_types=["code_interpreter"])
    one = OpenAI(api_key="dummy", base_url=organiser.API + "/openai-proxy/")
    extra_headers = {
        "x-user-id": "ada",
        "x-company-id": "277654321098765432",
        "x-api-version": "2023-12-06",
        "x-app-id": "app_tutor",
        "x-model": checks.CHAT_MODEL,
        "Authorization": f"Bearer {event['code']}",
    }
    assistant = one.beta.assistants.create(
        extra_headers=extra_headers,
        name="My Assistant",
        model=checks.CHAT_MODEL,
        instructions="You are a personal math tutor.",
        tools=[{"type": "code_interpreter"}],
    )
    assert assistant.model == checks.CHAT_MODEL, assistant
    thread = one.beta.threads.create(extra_headers=extra_headers)
    one.beta.threads.messages.create(
        extra_headers=extra_headers,
        thread_id=thread.id,
        content="I need to solve the equation 3x + 4 - 10 = 24",
        role="user",
    )
    made = one.beta.threads.runs.create(
        extra_headers=extra_headers, model=checks.CHAT_MODEL, thread_id=thread.id, assistant_id=assistant.id
    )
    while made.status not in ["completed", "failed"]:
        made = one.beta.threads.runs.retrieve(extra_headers=extra_headers, thread_id=thread.id, run_id=made.id)
    messages = one.beta.threads.messages.list(extra_headers=extra_headers, thread_id=thread.id)
    assert made.status == "completed" and "equation 3x" in messages.data[0].content[0].text.value, messages
    # Assistant, thread, message, run and list: the polls are no requests.
    usage = settled(f"{event['code']}/ada", made.usage.total_tokens, requests=5)
    assert (usage["requests"], usage["total_tokens"]) == (5, made.usage.total_tokens), usage


@scenario
def a_run_is_made_with_its_thread_and_polled():
    credential = attendee()
    one = client(credential)
    assistant = one.beta.assistants.create(model=checks.CHAT_MODEL, instructions="Be kind.")
    said = {"messages": [{"role": "user", "content": TEXT}]}
    made = one.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=said, poll_interval_ms=50)
    assert made.status == "completed" and made.model == checks.CHAT_MODEL, made
    checks.is_response(last_text(one, one.beta.threads.retrieve(made.thread_id)), messages=2)
    assert one.beta.threads.runs.list(thread_id=made.thread_id).data[0].id == made.id
    step = one.beta.threads.runs.steps.list(made.id, thread_id=made.thread_id).data[0]
    assert one.beta.threads.runs.steps.retrieve(step.id, thread_id=made.thread_id, run_id=made.id).id == step.id
    assert settled(credential, made.usage.total_tokens)["total_tokens"] == made.usage.total_tokens


@scenario
def a_run_is_streamed_event_by_event():
    credential = attendee()
    one = client(credential)
    assistant, thread = assistant_and_thread(one)
    with one.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        text = "".join(stream.text_deltas)
        done = stream.get_final_run()
    checks.is_response(text)
    assert done.status == "completed" and text == last_text(one, thread), done
    said = {"messages": [{"role": "user", "content": TEXT}]}
    events = one.beta.threads.create_and_run(assistant_id=assistant.id, thread=said, stream=True)
    names = [event.event for event in events]
    assert names[:2] == ["thread.created", "thread.run.created"] and names[-1] == "thread.run.completed", names
    assert settled(credential, 2 * done.usage.total_tokens)["total_tokens"] == 2 * done.usage.total_tokens


@scenario
def a_run_waits_for_its_tools():
    one = client()
    assistant, thread = assistant_and_thread(one, tools=[checks.WEATHER])
    one.beta.threads.messages.create(thread_id=thread.id, **checks.ABOUT_WEATHER[0])
    made = one.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=50)
    assert made.status == "requires_action", made
    call = made.required_action.submit_tool_outputs.tool_calls[0]
    assert call.function.name == "read_weather", call
    done = one.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=made.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": call.id, "output": "rain"}],
        poll_interval_ms=50,
    )
    include = ["step_details.tool_calls[*].file_search.results[*].content"]
    steps = one.beta.threads.runs.steps.list(made.id, thread_id=thread.id, include=include).data
    assert {step.type for step in steps} == {"tool_calls", "message_creation"}, steps
    assert done.status == "completed" and "rain" in last_text(one, thread), done


@scenario
def a_run_can_be_marked_and_stopped():
    credential = attendee()
    one = client(credential)
    assistant, thread = assistant_and_thread(one)
    made = one.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    marked = one.beta.threads.runs.update(made.id, thread_id=thread.id, metadata={"a": "b"})
    assert marked.metadata == {"a": "b"}, marked
    stopped = one.beta.threads.runs.cancel(made.id, thread_id=thread.id)
    assert stopped.status == "cancelled", stopped
    assert settled(credential, stopped.usage.total_tokens)["total_tokens"] == stopped.usage.total_tokens


@scenario
def assistants_threads_and_messages_are_changed_listed_and_deleted():
    one = client()
    assistant, thread = assistant_and_thread(one)
    changed = one.beta.assistants.update(assistant.id, model="gpt-4o", name="Better")
    assert (changed.model, changed.name) == ("gpt-4o", "Better"), changed
    assert [each.id for each in one.beta.assistants.list()] == [assistant.id]
    assert one.beta.threads.update(thread.id, metadata={"a": "b"}).metadata == {"a": "b"}
    message = one.beta.threads.messages.create(thread.id, role="user", content="More")
    assert one.beta.threads.messages.retrieve(message.id, thread_id=thread.id).id == message.id
    one.beta.threads.messages.update(message.id, thread_id=thread.id, metadata={"a": "b"})
    assert one.beta.threads.messages.delete(message.id, thread_id=thread.id).deleted
    made = one.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=50)
    assert made.model == "gpt-4o", made
    assert one.beta.assistants.delete(assistant.id).deleted and one.beta.threads.delete(thread.id).deleted
    with raised(openai.NotFoundError):
        one.beta.threads.retrieve(thread.id)


@scenario
def azures_client_finds_its_own_path():
    one = AzureOpenAI(azure_endpoint=organiser.API, api_key=attendee(), api_version="2025-04-01-preview")
    assistant, thread = assistant_and_thread(one)
    made = one.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=50)
    assert made.status == "completed", made


@scenario
def the_second_attendee_finds_nothing_of_the_firsts():
    one, other = client(), client()
    assistant, thread = assistant_and_thread(one)
    made = one.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    video = one.videos.create(prompt="elephants")
    own = other.beta.threads.create()
    for call in (
        lambda: other.beta.assistants.retrieve(assistant.id),
        lambda: other.beta.assistants.delete(assistant.id),
        lambda: other.beta.threads.messages.list(thread.id),
        lambda: other.beta.threads.messages.create(thread.id, role="user", content="hello"),
        lambda: other.beta.threads.runs.create(own.id, assistant_id=assistant.id),
        lambda: other.beta.threads.runs.retrieve(made.id, thread_id=thread.id),
        lambda: other.beta.threads.runs.retrieve(made.id, thread_id=own.id),
        lambda: other.beta.threads.runs.cancel(made.id, thread_id=thread.id),
        lambda: other.videos.retrieve(video.id),
        lambda: other.videos.download_content(video.id),
        lambda: other.videos.delete(video.id),
    ):
        with raised(openai.NotFoundError) as caught:
            call()
        assert caught.error.code == "object_not_found", caught.error
    assert not list(other.beta.assistants.list()) and not list(other.videos.list())
    assert one.beta.threads.runs.cancel(made.id, thread_id=thread.id).status == "cancelled"


@scenario
def a_film_is_made_polled_fetched_and_made_anew():
    one = client()
    asked = {"prompt": "elephants", "seconds": "8", "size": "1280x720"}
    video = one.videos.create_and_poll(model="sora-2", poll_interval_ms=50, **asked)
    assert (video.status, video.progress, video.seconds, video.model) == ("completed", 100, "8", "sora-2"), video
    assert one.videos.download_content(video.id).read().endswith(b"[simulated]")
    anew = one.videos.remix(video.id, prompt="elephants at night")
    assert anew.remixed_from_video_id == video.id and anew.seconds == "8", anew
    assert {each.id for each in one.videos.list()} == {video.id, anew.id}
    assert one.videos.delete(video.id).deleted
    with raised(openai.NotFoundError):
        one.videos.retrieve(video.id)


@scenario
def a_film_begins_with_a_picture():
    one = client()
    video = one.videos.create(prompt="elephants", input_reference=("first.png", b"\x89PNG", "image/png"), seconds="4")
    assert video.status == "queued" and video.seconds == "4", video


@scenario
def what_would_be_nobodys_is_refused():
    one = client(f"{organiser.event(keeps_objects=True)['code']}/ada")
    file = one.files.create(file=("a.txt", b"a"), purpose="assistants")
    with raised(openai.PermissionDeniedError) as caught:
        one.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert caught.error.code == "batches_not_offered", caught.error
    for call in (
        lambda: one.beta.threads.create(tool_resources={"file_search": {"vector_stores": [{}, {}]}}),
        lambda: one.beta.assistants.create(model=checks.CHAT_MODEL, tools=[{"type": "code_interpreter"}]),
    ):
        with raised(openai.BadRequestError) as caught:
            call()
        assert caught.error.code == "parameter_not_allowed", caught.error


run(f"openai {openai.__version__}")
