# Azure OpenAI SDK: pip install openai; export LANYARD_KEY='CODE/USER'
import os

from openai import AzureOpenAI

client = AzureOpenAI(
    azure_endpoint="{base}", api_key=os.environ["LANYARD_KEY"], api_version="2024-10-21"
)
response = client.chat.completions.create(
    model="{model}", messages=[{"role": "user", "content": "Say hello"}]
)
print(response.choices[0].message.content)
