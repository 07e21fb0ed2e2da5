# Semantic Kernel: pip install semantic-kernel; export LANYARD_KEY='CODE/USER'
import asyncio
import os

from openai import AsyncOpenAI
from semantic_kernel.agents import OpenAIResponsesAgent

client = AsyncOpenAI(base_url="{base}/v1", api_key=os.environ["LANYARD_KEY"])
agent = OpenAIResponsesAgent(ai_model_id="{model}", client=client, name="helper", store_enabled=False)
print(asyncio.run(agent.get_response("Hello")))
