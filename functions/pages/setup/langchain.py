# LangChain: pip install langchain-openai; export LANYARD_KEY='CODE/USER'
import os

from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="{base}/v1", api_key=os.environ["LANYARD_KEY"], model="{model}")
print(model.invoke("Say hello").content)
