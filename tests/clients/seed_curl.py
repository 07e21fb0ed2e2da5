"""curl, as the documentation of the first event-code proxy shows it, with only the host another."""

import json
import shlex
import subprocess
import tempfile

from support import checks, organiser
from support.scenarios import SAMPLES, attendee, run, scenario

FIRST_EXAMPLE = """
curl -X POST \\
-H "openai-event-code: hackathon/githubuser" \\
-H "Content-Type: application/json" \\
-d '{
    "max_tokens": 256,
    "temperature": 1,
    "messages": [
        {
            "role": "system",
            "content": "You are an AI assistant that writes poems in the style of William Shakespeare."
        },
        {
            "role": "user",
            "content": "Write a poem about indian elephants"
        }
    ]
}' \\
https://YOUR_OPENAI_PROXY_ENDPOINT/api/v1/chat/completions
"""

CHAT = f"{organiser.V1}/chat/completions"
HELLO = json.dumps({"messages": [{"role": "user", "content": "Hello"}]})
JSON = ("-H", "Content-Type: application/json")


def code(credential=None):
    """The seed's credential header."""
    return ("-H", f"openai-event-code: {credential or attendee()}")


def curl(*arguments):
    """Runs curl and returns the status, the headers and the body of the response."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--include", *arguments]
    response = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    head, body = response.split("\n\n", 1)
    if head.startswith("HTTP/1.1 100"):  # curl asks first before it sends a large body
        head, body = body.split("\n\n", 1)
    status, *lines = head.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(status.split()[1]), headers, body


def is_refused(response, status, error):
    """Checks that a response is an error of the table."""
    got, headers, body = response
    error_body = json.loads(body)["error"]
    assert (got, error_body["code"]) == (status, error), (got, error_body)
    assert set(error_body) == {"message", "type", "param", "code"}, error_body
    assert headers["access-control-allow-origin"] == "*" and headers["x-request-id"], headers
    return headers, error_body


@scenario
def the_first_example_answers_when_it_is_typed_into_a_shell():
    command = FIRST_EXAMPLE.replace("https://YOUR_OPENAI_PROXY_ENDPOINT", organiser.HOST)
    response = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=20)
    checks.is_response(json.loads(response.stdout)["choices"][0]["message"]["content"], messages=2)


@scenario
def the_same_words_without_a_shell_answer_with_the_attendees_headers():
    one_line = FIRST_EXAMPLE.replace("\\\n", " ").replace("https://YOUR_OPENAI_PROXY_ENDPOINT", organiser.HOST)
    status, headers, _ = curl(*shlex.split(one_line)[1:])
    assert status == 200, status
    checks.are_attendees_headers(headers)


@scenario
def a_stream_is_printed_frame_by_frame():
    hello = json.dumps(json.loads(HELLO) | {"stream": True})
    status, headers, body = curl("-N", *code(), *JSON, "-d", hello, CHAT)
    frames = body.split("\n\n")
    assert status == 200 and headers["content-type"].startswith("text/event-stream"), headers
    assert frames[-2] == "data: [DONE]" and frames[-1] == "", frames[-2:]
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]
    checks.is_response("".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks))


@scenario
def embeddings_need_no_model_either():
    status, _, body = curl(*code(), *JSON, "-d", '{"input": "Elephants"}', f"{organiser.V1}/embeddings")
    assert status == 200, body
    checks.are_vectors([item["embedding"] for item in json.loads(body)["data"]], count=1)


@scenario
def a_trailing_slash_and_an_api_version_do_not_matter():
    for address in (f"{CHAT}/", f"{CHAT}?api-version=2023-07-01-preview"):
        status, _, body = curl(*code(), *JSON, "-d", HELLO, address)
        assert status == 200, body


@scenario
def a_bearer_token_and_an_api_key_work_as_well():
    credential = attendee()
    for header in (f"Authorization: Bearer {credential}", f"api-key: {credential}"):
        status, _, body = curl("-H", header, *JSON, "-d", HELLO, CHAT)
        assert status == 200, body
    assert organiser.usage(credential)["requests"] == 2


@scenario
def a_code_and_a_user_apart_are_one_credential():
    credential = attendee()
    event_code, user = credential.split("/")
    status, _, body = curl(*code(event_code), "-H", f"x-user-id: {user}", *JSON, "-d", HELLO, CHAT)
    assert status == 200, body
    assert organiser.usage(credential)["requests"] == 1


@scenario
def a_picture_of_four_megabytes_is_taken_from_a_file():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        large = "data:image/png;base64," + "A" * 4_000_000
        json.dump({"messages": checks.about_images(large)}, file)
        file.flush()
        status, _, body = curl(*code(), *JSON, "-d", f"@{file.name}", CHAT)
    assert status == 200 and "1 image" in body, body[:300]


@scenario
def a_body_of_more_than_five_mebibytes_is_refused():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(json.dumps({"messages": [{"role": "user", "content": "x" * 5_300_000}]}))
        file.flush()
        is_refused(curl(*code(), *JSON, "-d", f"@{file.name}", CHAT), 413, "request_too_large")


@scenario
def a_forgotten_content_type_is_explained():
    _, error_body = is_refused(curl(*code(), "-d", HELLO, CHAT), 415, "unsupported_media_type")
    assert "content-type: application/json" in error_body["message"].lower(), error_body


@scenario
def a_forgotten_code_and_a_wrong_one_are_the_same_to_the_byte():
    responses = [curl(*header, *JSON, "-d", HELLO, CHAT) for header in ((), code("no-such-code/ada"), code("x"))]
    for response in responses:
        headers, error_body = is_refused(response, 401, "invalid_event_code")
        assert headers["x-should-retry"] == "false" and "one of the headers openai-event-code, api-key or x-api-key" in error_body["message"], error_body
    assert len({body for _, _, body in responses}) == 1


@scenario
def a_get_is_told_the_method():
    headers, _ = is_refused(curl(*code(), CHAT), 405, "method_not_allowed")
    assert headers["allow"] == "POST, OPTIONS", headers["allow"]


@scenario
def an_unknown_path_is_told_the_paths():
    _, error_body = is_refused(curl(*code(), *JSON, "-d", HELLO, f"{organiser.API}/v2/chat"), 404, "unknown_route")
    assert "/api/v1/chat/completions" in error_body["message"], error_body


@scenario
def a_compressed_body_is_refused():
    encoding = ("-H", "Content-Encoding: gzip")
    is_refused(curl(*code(), *JSON, *encoding, "-d", HELLO, CHAT), 415, "unsupported_media_type")


@scenario
def a_browsers_question_is_answered():
    asked = ("-H", "Origin: https://example.com", "-H", "Access-Control-Request-Method: POST")
    status, headers, _ = curl("-X", "OPTIONS", *asked, CHAT)
    assert status == 200 and headers["access-control-allow-origin"] == "*", headers
    assert "openai-event-code" in headers["access-control-allow-headers"], headers
    assert "POST" in headers["access-control-allow-methods"], headers


@scenario
def the_event_tells_of_itself():
    status, _, body = curl(*code(), f"{organiser.V1}/event")
    event = json.loads(body)
    assert status == 200 and event["event"]["status"] == "open", event
    assert checks.CHAT_MODEL in [model["id"] for model in event["models"]], event
    assert SAMPLES["question"] not in body


version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
run(f"curl {version}")
