# aider
export OPENAI_API_BASE='{base}/v1'
export OPENAI_API_KEY='CODE/USER'
aider --model 'openai/{model}'
