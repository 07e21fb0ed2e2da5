"""Microsoft's `agent-framework`, on both APIs. On responses it needs the setting that nothing is stored."""

from importlib import metadata

from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient

from support import frameworks, organiser
from support.scenarios import run


class AgentFramework:
    """Agents of one of the two kinds of clients."""

    def __init__(self, kind, **options):
        self._kind, self._options = kind, options

    def _agent(self, key, **options):
        client = self._kind(base_url=organiser.V1, api_key=key, model=frameworks.MODEL)
        return client.as_agent(instructions="Be brief.", default_options={**self._options}, **options)

    async def ask(self, key, text):
        return (await self._agent(key).run(text)).text

    async def stream(self, key, text):
        async for update in self._agent(key).run(text, stream=True):
            if update.text:
                yield update.text

    async def use_tool(self, key, texts, tool):
        agent = self._agent(key, tools=[tool])
        session = agent.create_session()
        for text in texts:
            response = await agent.run(text, session=session)
        return response.text

    async def fill_in(self, key, text):
        return (await self._agent(key).run(text, options={"response_format": frameworks.Animal})).value


frameworks.check(AgentFramework(OpenAIChatCompletionClient), "chat")
frameworks.check(AgentFramework(OpenAIChatClient, store=False), "responses")
run(f"agent-framework {metadata.version('agent-framework-core')}")
