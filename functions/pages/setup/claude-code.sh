# Claude Code, with a model of the event for everything that it does
export ANTHROPIC_BASE_URL='{base}'
export ANTHROPIC_AUTH_TOKEN='CODE/USER'
export ANTHROPIC_MODEL='{model}'
export ANTHROPIC_DEFAULT_OPUS_MODEL='{model}'
export ANTHROPIC_DEFAULT_SONNET_MODEL='{model}'
export ANTHROPIC_DEFAULT_HAIKU_MODEL='{model}'
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
claude
