# Azure AI Projects SDK: pip install azure-ai-projects; export LANYARD_KEY='CODE/USER'
import os
import time

from azure.ai.projects import AIProjectClient
from azure.core.credentials import AccessToken


class EventKey:
    def get_token(self, *scopes, **options):
        return AccessToken(os.environ["LANYARD_KEY"], int(time.time()) + 3600)


client = AIProjectClient(endpoint="{base}", credential=EventKey()).get_openai_client()
print(client.responses.create(model="{model}", input="Hello", store=False).output_text)
