# GitHub Copilot CLI with messages of Claude
export COPILOT_PROVIDER_TYPE=anthropic
export COPILOT_PROVIDER_BASE_URL='{base}'
export COPILOT_PROVIDER_API_KEY='CODE/USER'
export COPILOT_MODEL='{model}'
export COPILOT_OFFLINE=true
copilot
