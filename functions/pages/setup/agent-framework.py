# Microsoft Agent Framework: pip install agent-framework; export LANYARD_KEY='CODE/USER'
import asyncio
import os

from agent_framework.openai import OpenAIChatClient

client = OpenAIChatClient(
    base_url="{base}/v1", api_key=os.environ["LANYARD_KEY"], model="{model}"
)
agent = client.as_agent(instructions="You are helpful.", default_options={"store": False})
print(asyncio.run(agent.run("Say hello")))
