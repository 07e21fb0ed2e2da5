# OpenAI Agents SDK: pip install openai-agents; export LANYARD_KEY='CODE/USER'
import os

from agents import Agent, ModelSettings, Runner, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)
set_default_openai_client(AsyncOpenAI(base_url="{base}/v1", api_key=os.environ["LANYARD_KEY"]))
agent = Agent(name="event", model="{model}", model_settings=ModelSettings(store=False))
print(Runner.run_sync(agent, "Say hello").final_output)
