"""`openai-agents`, on both APIs."""

from importlib import metadata

from agents import (
    Agent,
    CodeInterpreterTool,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from openai.types.responses import ResponseTextDeltaEvent

from support import frameworks, organiser
from support.scenarios import run, scenario

set_tracing_disabled(True)


class OpenAiAgents:
    """Agents of one of the two kinds of models, with the settings that they come with."""

    def __init__(self, kind):
        self._kind = kind

    def _agent(self, key, **options):
        client = AsyncOpenAI(base_url=organiser.V1, api_key=key)
        model = self._kind(model=frameworks.MODEL, openai_client=client)
        return Agent(name="event", model=model, **options)

    async def ask(self, key, text):
        return (await Runner.run(self._agent(key), text)).final_output

    async def stream(self, key, text):
        async for event in Runner.run_streamed(self._agent(key), text).stream_events():
            if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
                yield event.data.delta

    async def use_tool(self, key, texts, tool):
        agent = self._agent(key, tools=[function_tool(tool)])
        said = []
        for text in texts:
            response = await Runner.run(agent, [*said, {"role": "user", "content": text}])
            said = response.to_input_list()
        return response.final_output

    async def fill_in(self, key, text):
        return (await Runner.run(self._agent(key, output_type=frameworks.Animal), text)).final_output


@scenario
async def an_agent_goes_on_in_its_code_interpreter():
    code = organiser.event(preset="agents", hosted_tools={"code_interpreter": "allow"})["code"]
    tool = CodeInterpreterTool(tool_config={"type": "code_interpreter", "container": {"type": "auto"}})
    agent = OpenAiAgents(OpenAIResponsesModel)._agent(f"{code}/interpreting", tools=[tool])
    said = []
    for _ in range(3):
        response = await Runner.run(agent, [*said, {"role": "user", "content": "Square these numbers"}])
        said = response.to_input_list()
    used = [item["container_id"] for item in said if item.get("type") == "code_interpreter_call"]
    assert len(used) == 3 and len(set(used)) == 1, used


frameworks.check(OpenAiAgents(OpenAIChatCompletionsModel), "chat")
frameworks.check(OpenAiAgents(OpenAIResponsesModel), "responses")
run(f"openai-agents {metadata.version('openai-agents')}")
