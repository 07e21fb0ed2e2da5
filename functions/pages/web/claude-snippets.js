// @ts-check
// Code examples for models of Claude, in Anthropic's format. The browser test runs them.

/** @import { Snippet } from "../types.d.ts" */

import { jsonLiteral, shellLiteral } from "./literals.js";
import * as t from "./texts.js";

const MAX_TOKENS = 1024;

/**
 * The examples. `model` is the model that serves messages.
 *
 * @type {Snippet[]}
 */
export const CLAUDE_SNIPPETS = [
  { id: "claude-bash", label: "Claude: curl", text: ({ base, credential, model }) => `curl ${shellLiteral(`${base}/v1/messages`)} \\
  -H ${shellLiteral(`x-api-key: ${credential}`)} \\
  -H 'anthropic-version: 2023-06-01' \\
  -H 'Content-Type: application/json' \\
  -d ${shellLiteral(`{"model": ${jsonLiteral(model)}, "max_tokens": ${MAX_TOKENS},
       "messages": [{"role": "user", "content": ${jsonLiteral(t.examplePrompt)}}]}`)}
` },
  { id: "claude-python", label: "Claude: Python", text: ({ base, credential, model }) => `# pip install anthropic
from anthropic import Anthropic

client = Anthropic(base_url=${jsonLiteral(base)}, api_key=${jsonLiteral(credential)})
message = client.messages.create(
    model=${jsonLiteral(model)},
    max_tokens=${MAX_TOKENS},
    messages=[{"role": "user", "content": ${jsonLiteral(t.examplePrompt)}}],
)
print("".join(block.text for block in message.content if block.type == "text"))
` },
  { id: "claude-typescript", label: "Claude: TypeScript", text: ({ base, credential, model }) => `// npm install @anthropic-ai/sdk; save as hello.mts
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: ${jsonLiteral(base)}, apiKey: ${jsonLiteral(credential)} });
const stream = await client.messages.create({
  model: ${jsonLiteral(model)},
  max_tokens: ${MAX_TOKENS},
  messages: [{ role: "user", content: ${jsonLiteral(t.examplePrompt)} }],
  stream: true,
});
for await (const event of stream) {
  if (event.type === "content_block_delta" && event.delta.type === "text_delta") process.stdout.write(event.delta.text);
}
` },
  { id: "claude-code", label: "Claude Code", text: ({ base, credential, model }) => `# npm install -g @anthropic-ai/claude-code
export ANTHROPIC_BASE_URL=${shellLiteral(base)}
export ANTHROPIC_AUTH_TOKEN=${shellLiteral(credential)}
export ANTHROPIC_MODEL=${shellLiteral(model)}
export ANTHROPIC_DEFAULT_OPUS_MODEL=${shellLiteral(model)}
export ANTHROPIC_DEFAULT_SONNET_MODEL=${shellLiteral(model)}
export ANTHROPIC_DEFAULT_HAIKU_MODEL=${shellLiteral(model)}
claude
` },
];
