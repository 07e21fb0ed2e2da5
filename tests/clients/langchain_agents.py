"""`langchain-openai` on both APIs, as its agents use it: a tool is called, and its result is sent back."""

from importlib import metadata

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool as as_tool
from langchain_openai import ChatOpenAI

from support import frameworks, organiser
from support.scenarios import run


class LangChain:
    """A model with the options that it comes with."""

    def __init__(self, **options):
        self._options = options

    def _model(self, key):
        return ChatOpenAI(model=frameworks.MODEL, base_url=organiser.V1, api_key=key, **self._options)

    async def ask(self, key, text):
        return (await self._model(key).ainvoke(text)).text

    async def stream(self, key, text):
        async for chunk in self._model(key).astream(text):
            if chunk.text:
                yield chunk.text

    async def use_tool(self, key, texts, tool):
        model = self._model(key).bind_tools([as_tool(tool)])
        said = []
        for text in texts:
            said.append(HumanMessage(text))
            said.append(await model.ainvoke(said))
            while said[-1].tool_calls:
                said += [ToolMessage(tool(**call["args"]), tool_call_id=call["id"]) for call in said[-1].tool_calls]
                said.append(await model.ainvoke(said))
        return said[-1].text

    async def fill_in(self, key, text):
        return await self._model(key).with_structured_output(frameworks.Animal).ainvoke(text)


frameworks.check(LangChain(), "chat")
frameworks.check(LangChain(use_responses_api=True), "responses")
run(f"langchain-openai {metadata.version('langchain-openai')}")
