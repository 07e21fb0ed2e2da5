# Cline CLI
export LANYARD_KEY='CODE/USER'
cline auth -p openai-compatible -k "$LANYARD_KEY" -m '{model}' -b '{base}/v1'
