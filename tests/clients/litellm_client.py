"""`litellm`, on both APIs."""

import json
from importlib import metadata

from support import frameworks, organiser
from support.scenarios import SAMPLES, run

import litellm  # Its price list is taken from the package only if the environment says so by now.

litellm.telemetry = False
TOOL = SAMPLES["weather_tool"]


class Chats:
    """Chat completions."""

    def _complete(self, key, messages, **options):
        return litellm.acompletion(model=f"openai/{frameworks.MODEL}", api_base=organiser.V1, api_key=key,
                                   messages=messages, **options)

    async def ask(self, key, text):
        response = await self._complete(key, [{"role": "user", "content": text}])
        return response.choices[0].message.content

    async def stream(self, key, text):
        async for chunk in await self._complete(key, [{"role": "user", "content": text}], stream=True):
            if chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    async def use_tool(self, key, texts, tool):
        said = []
        for text in texts:
            said.append({"role": "user", "content": text})
            while True:
                message = (await self._complete(key, said, tools=[TOOL])).choices[0].message
                said.append(message.model_dump(exclude_none=True))
                if not message.tool_calls:
                    break
                for call in message.tool_calls:
                    said.append({"role": "tool", "tool_call_id": call.id,
                                 "content": tool(**json.loads(call.function.arguments))})
        return message.content

    async def fill_in(self, key, text):
        said = [{"role": "user", "content": text}]
        response = await self._complete(key, said, response_format=frameworks.Animal)
        return frameworks.Animal.model_validate_json(response.choices[0].message.content)


class Responses:
    """Responses."""

    def _respond(self, key, said, **options):
        return litellm.aresponses(model=f"openai/{frameworks.MODEL}", api_base=organiser.V1, api_key=key, input=said,
                                  **options)

    async def ask(self, key, text):
        return (await self._respond(key, text)).output_text

    async def stream(self, key, text):
        async for event in await self._respond(key, text, stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta

    async def use_tool(self, key, texts, tool):
        described = {"type": "function", "strict": True} | TOOL["function"]
        said = []
        for text in texts:
            said.append({"role": "user", "content": text})
            while True:
                response = await self._respond(key, said, tools=[described])
                items = [item.model_dump(exclude_none=True) for item in response.output]
                said += items
                calls = [item for item in items if item["type"] == "function_call"]
                if not calls:
                    break
                for call in calls:
                    said.append({"type": "function_call_output", "call_id": call["call_id"],
                                 "output": tool(**json.loads(call["arguments"]))})
        return response.output_text

    async def fill_in(self, key, text):
        response = await self._respond(key, text, text_format=frameworks.Animal)
        return frameworks.Animal.model_validate_json(response.output_text)


frameworks.check(Chats(), "chat")
# Its retries know chat completions alone.
frameworks.check(Responses(), "responses", waits=False)
run(f"litellm {metadata.version('litellm')}")
