"""`pydantic-ai`, on both APIs."""

from importlib import metadata

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from support import frameworks, organiser
from support.scenarios import run


class PydanticAi:
    """Agents of one of the two kinds of models."""

    def __init__(self, kind):
        self._kind = kind

    def _agent(self, key, **options):
        model = self._kind(frameworks.MODEL, provider=OpenAIProvider(base_url=organiser.V1, api_key=key))
        return Agent(model, **options)

    async def ask(self, key, text):
        return (await self._agent(key).run(text)).output

    async def stream(self, key, text):
        async with self._agent(key).run_stream(text) as response:
            async for piece in response.stream_text(delta=True, debounce_by=None):
                yield piece

    async def use_tool(self, key, texts, tool):
        agent = self._agent(key, tools=[tool])
        history = None
        for text in texts:
            response = await agent.run(text, message_history=history)
            history = response.all_messages()
        return response.output

    async def fill_in(self, key, text):
        return (await self._agent(key, output_type=frameworks.Animal).run(text)).output


frameworks.check(PydanticAi(OpenAIChatModel), "chat")
frameworks.check(PydanticAi(OpenAIResponsesModel), "responses")
run(f"pydantic-ai {metadata.version('pydantic-ai-slim')}")
