# OpenAI SDK: pip install openai; export LANYARD_KEY='CODE/USER'
import os

from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key=os.environ["LANYARD_KEY"])
response = client.chat.completions.create(
    model="{model}", messages=[{"role": "user", "content": "Say hello"}]
)
print(response.choices[0].message.content)
