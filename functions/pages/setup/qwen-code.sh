# qwen-code
export OPENAI_BASE_URL='{base}/v1'
export OPENAI_API_KEY='CODE/USER'
qwen --auth-type openai -m '{model}'
