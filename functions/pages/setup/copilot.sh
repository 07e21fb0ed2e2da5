# GitHub Copilot CLI with a provider of its own
export COPILOT_PROVIDER_BASE_URL='{base}/v1'
export COPILOT_PROVIDER_API_KEY='CODE/USER'
export COPILOT_MODEL='{model}'
export COPILOT_OFFLINE=true
export COPILOT_PROVIDER_WIRE_API=responses  # leave this out if the model has no Responses API
copilot
