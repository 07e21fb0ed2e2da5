# Anthropic SDK: pip install anthropic; export LANYARD_KEY='CODE/USER'
import os

from anthropic import Anthropic

client = Anthropic(base_url="{base}", auth_token=os.environ["LANYARD_KEY"])
message = client.messages.create(
    model="{model}",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Write a poem about Indian elephants"}],
)
print(message.content[0].text)
