"""Checks of the simulated Azure's responses, for every client."""

import math

from .scenarios import SAMPLES

CHAT_MODEL = "gpt-4o-mini"
# What agents and frameworks use.
TOOLS_MODEL = "gpt-5-mini"
EMBEDDING_MODEL = "text-embedding-3-small"
DIMENSIONS = 1536

QUESTION = [{"role": "user", "content": SAMPLES["question"]}]
ABOUT_WEATHER = [{"role": "user", "content": "How is the weather in Bergen?"}]
CONVERSATION = [{"role": "system", "content": SAMPLES["system"]}, *QUESTION]
WEATHER = SAMPLES["weather_tool"]
PNG = f"data:image/png;base64,{SAMPLES['png_base64']}"
# Azure's own headers, and the simulator's: attendees see none of them.
HIDDEN_HEADERS = ("apim-request-id", "x-ms-region", "azureml-model-session", "x-ms-rai-invoked", "x-lanyard-simulator")


def is_response(text, messages=1):
    """Checks that a text is the simulator's, and that it saw as many messages."""
    assert text.startswith("[simulated]"), text
    assert f"It saw {messages} message{'s' if messages > 1 else ''}" in text, text


def about_images(address, text="What is in this picture?"):
    """A message with a picture."""
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": address, "detail": "low"}}]
    return [{"role": "user", "content": parts}]


def is_animal(animal):
    """Checks an object against the schema of the samples."""
    assert isinstance(animal["species"], str) and isinstance(animal["legs"], int), animal
    assert all(isinstance(habitat, str) for habitat in animal["habitats"]), animal


def is_weather_call(name, arguments):
    """Checks a call of the weather tool, its arguments decoded."""
    assert name == "read_weather", name
    assert arguments["town"] and arguments["unit"] in ("celsius", "fahrenheit"), arguments


def are_vectors(vectors, count):
    """Checks that there are as many vectors as inputs, each of the model's dimensions and of length one."""
    assert len(vectors) == count, len(vectors)
    for vector in vectors:
        assert len(vector) == DIMENSIONS, len(vector)
        assert math.isclose(math.hypot(*vector), 1, abs_tol=1e-3), math.hypot(*vector)


def are_close(one, other):
    """Checks that two vectors are the same but for rounding."""
    assert len(one) == len(other)
    assert all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(one, other))


def are_attendees_headers(headers):
    """Checks that a response shows the attendee's own allowance, and nothing of Azure's resource."""
    assert headers["x-request-id"] and headers["x-upstream-request-id"], dict(headers)
    for unit in ("requests", "tokens"):
        limit, remaining = (int(headers[f"x-ratelimit-{what}-{unit}"]) for what in ("limit", "remaining"))
        assert 0 <= remaining < limit, (unit, remaining, limit)
        assert headers[f"x-ratelimit-reset-{unit}"].endswith("s"), headers[f"x-ratelimit-reset-{unit}"]
    shown = [name for name in HIDDEN_HEADERS if name in headers]
    assert not shown, shown
