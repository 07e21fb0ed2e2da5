"""`openai` 0.28.1 and `requests`, as programs use them that were written before videos had an API."""

import base64
import time

import openai
import requests
from openai.api_requestor import APIRequestor

from support import checks, organiser
from support.scenarios import SAMPLES, attendee, run, scenario

PICTURE = SAMPLES["png_base64"]

api_base = organiser.V1


class VideoAPI:
    """The wrapper that such a program brings along, with a credential."""

    def __init__(self, api_base, credential):
        self.api_base = api_base
        self.headers = {"openai-event-code": credential}

    def create(self, prompt, input_reference, size="1920x1080", seconds=5):
        """Submits a video."""
        response = requests.post(
            f"{self.api_base}/videos",
            headers=self.headers,
            json={"prompt": prompt, "input_reference": input_reference, "size": size, "seconds": seconds},
        )
        return response.json()

    def retrieve(self, video_id):
        """Says how far it is."""
        return requests.get(f"{self.api_base}/videos/{video_id}", headers=self.headers).json()

    def wait_for_completion(self, video_id, timeout=20):
        """Polls, more often than such a program does, so that a test is soon over."""
        start_time = time.time()
        while time.time() - start_time < timeout:
            status = self.retrieve(video_id)
            if status["status"] == "completed":
                return status
            elif status["status"] == "failed":
                raise Exception(f"Video generation failed: {status.get('error')}")
            time.sleep(0.05)
        raise TimeoutError("Video generation timeout")


@scenario
def a_film_is_submitted_and_polled_until_its_address_is_there():
    headers = {"Authorization": f"Bearer {attendee()}"}
    body = {"prompt": "Gentle camera pan across scene", "input_reference": PICTURE, "size": "1920x1080", "seconds": 5}
    video_info = requests.post(f"{api_base}/videos", headers=headers, json=body).json()
    video_id = video_info["id"]
    progress = []
    while True:
        status = requests.get(f"{api_base}/videos/{video_id}", headers=headers).json()
        progress.append(status["progress"])
        if status["status"] == "completed":
            break
        assert status["video_url"] is None, status
        time.sleep(0.05)
    assert progress == sorted(progress) and progress[-1] == 100, progress
    # Wide as was asked for, and the next longer video that Azure makes.
    assert (status["size"], status["seconds"]) == ("1280x720", "8"), status
    video = requests.get(status["video_url"], headers=headers)
    assert video.headers["content-type"] == "video/mp4" and video.content.endswith(b"[simulated]"), video.headers
    assert requests.get(status["video_url"]).status_code == 401


@scenario
def a_programs_own_wrapper_works():
    openai.Video = VideoAPI(api_base, attendee())
    response = openai.Video.create(prompt="Slow camera pan", input_reference=PICTURE, seconds=5)
    result = openai.Video.wait_for_completion(response["id"])
    assert result["video_url"].startswith(organiser.V1), result
    failing = openai.Video.create(prompt="Please trigger the content filter.", input_reference=PICTURE)
    try:
        openai.Video.wait_for_completion(failing["id"])
        raise AssertionError("it did not fail")
    except Exception as error:
        assert "moderation_blocked" in str(error), error


@scenario
def words_become_a_picture_and_the_picture_a_film():
    credential = attendee()
    openai.api_base, openai.api_key = api_base, credential
    chat = openai.ChatCompletion.create(
        model=checks.CHAT_MODEL, messages=[{"role": "user", "content": "Suggest a prompt for a landscape image"}]
    )
    prompt = chat.choices[0].message.content
    image = openai.Image.create(prompt=prompt, size="1024x1024", response_format="b64_json")
    image_b64 = image["data"][0]["b64_json"]
    assert base64.b64decode(image_b64)
    videos = VideoAPI(api_base, credential)
    made = videos.create("Slow camera pan revealing the landscape", image_b64)
    assert videos.wait_for_completion(made["id"])["status"] == "completed"


@scenario
def the_modules_own_requests_carry_a_film_too():
    credential = attendee()
    requestor = APIRequestor(key=credential, api_base=api_base)
    made, _, _ = requestor.request("post", "/videos", {"prompt": "elephants", "seconds": "4"})
    assert made.data["status"] == "queued", made.data
    listed, _, _ = requestor.request("get", "/videos")
    assert [video["id"] for video in listed.data["data"]] == [made.data["id"]], listed.data
    assert VideoAPI(api_base, credential).wait_for_completion(made.data["id"])["seconds"] == "4"


run(f"openai {openai.version.VERSION}, requests {requests.__version__}")
