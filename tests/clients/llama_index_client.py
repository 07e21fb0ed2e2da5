"""`llama-index`: its function agent on both APIs."""

from importlib import metadata

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context
from llama_index.llms.openai import OpenAI, OpenAIResponses

from support import frameworks, organiser
from support.scenarios import run


class LlamaIndex:
    """One of the two kinds of models."""

    def __init__(self, kind):
        self._kind = kind

    def _model(self, key):
        return self._kind(model=frameworks.MODEL, api_base=organiser.V1, api_key=key)

    async def ask(self, key, text):
        return (await self._model(key).achat([ChatMessage(text)])).message.content

    async def stream(self, key, text):
        async for piece in await self._model(key).astream_chat([ChatMessage(text)]):
            if piece.delta:
                yield piece.delta

    async def use_tool(self, key, texts, tool):
        agent = FunctionAgent(tools=[FunctionTool.from_defaults(tool)], llm=self._model(key))
        context = Context(agent)
        for text in texts:
            response = await agent.run(text, ctx=context)
        return str(response)

    async def fill_in(self, key, text):
        model = self._model(key).as_structured_llm(frameworks.Animal)
        return (await model.achat([ChatMessage(text)])).raw


frameworks.check(LlamaIndex(OpenAI), "chat")
frameworks.check(LlamaIndex(OpenAIResponses), "responses")
run(f"llama-index-llms-openai {metadata.version('llama-index-llms-openai')}")
