// @ts-check
// Code examples with the attendee's base URL, credential and model. The browser test runs them.

/** @import { ApiAccess, PlaygroundRequest, Snippet } from "../types.d.ts" */

import { CLAUDE_SNIPPETS } from "./claude-snippets.js";
import { copyButton } from "./copy-button.js";
import { download, fill, h } from "./dom.js";
import { highlight } from "./highlight.js";
import { jsonLiteral, powershellLiteral, pythonLiteral, shellLiteral } from "./literals.js";
import { setupPicker } from "./setups.js";
import { tabs } from "./tabs.js";
import * as t from "./texts.js";

/**
 * The code examples of OpenAI's format.
 *
 * @type {Snippet[]}
 */
const SNIPPETS = [
  { id: "bash", label: "curl (bash)", text: ({ base, credential, model }) => `curl ${shellLiteral(`${base}/v1/chat/completions`)} \\
  -H ${shellLiteral(`openai-event-code: ${credential}`)} \\
  -H 'Content-Type: application/json' \\
  -d ${shellLiteral(`{"model": ${jsonLiteral(model)},
       "messages": [{"role": "user", "content": ${jsonLiteral(t.examplePrompt)}}]}`)}
` },
  { id: "powershell", label: "PowerShell", text: ({ base, credential, model }) => `$headers = @{ 'openai-event-code' = ${powershellLiteral(credential)} }
$body = @{
  model = ${powershellLiteral(model)}
  messages = @(@{ role = 'user'; content = ${powershellLiteral(t.examplePrompt)} })
} | ConvertTo-Json -Depth 5
$response = Invoke-RestMethod -Method Post -Uri ${powershellLiteral(`${base}/v1/chat/completions`)} \`
  -Headers $headers -ContentType 'application/json' -Body $body
$response.choices[0].message.content
` },
  { id: "python", label: "Python", text: ({ base, credential, model }) => `# pip install openai
from openai import OpenAI

client = OpenAI(base_url=${jsonLiteral(`${base}/v1`)}, api_key=${jsonLiteral(credential)})
response = client.chat.completions.create(
    model=${jsonLiteral(model)},
    messages=[{"role": "user", "content": ${jsonLiteral(t.examplePrompt)}}],
)
print(response.choices[0].message.content)
` },
  { id: "javascript", label: "JavaScript", text: ({ base, credential, model }) => `// npm install openai; save as hello.mjs
import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${jsonLiteral(`${base}/v1`)}, apiKey: ${jsonLiteral(credential)} });
const stream = await client.chat.completions.create({
  model: ${jsonLiteral(model)},
  messages: [{ role: "user", content: ${jsonLiteral(t.examplePrompt)} }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
` },
  { id: "csharp", label: "C#", text: ({ base, credential, model }) => `// dotnet add package OpenAI
using System;
using System.ClientModel;
using OpenAI;
using OpenAI.Chat;

var client = new ChatClient(
    ${jsonLiteral(model)},
    new ApiKeyCredential(${jsonLiteral(credential)}),
    new OpenAIClientOptions { Endpoint = new Uri(${jsonLiteral(`${base}/v1`)}) });
ChatCompletion response = client.CompleteChat(${jsonLiteral(t.examplePrompt)});
Console.WriteLine(response.Content[0].Text);
` },
  { id: "langchain", label: "LangChain", text: ({ base, credential, model }) => `# pip install langchain-openai
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    base_url=${jsonLiteral(`${base}/v1`)},
    api_key=${jsonLiteral(credential)},
    model=${jsonLiteral(model)},
)
print(model.invoke(${jsonLiteral(t.examplePrompt)}).content)
` },
  { id: "azure", label: "Azure SDK", text: ({ base, credential, model }) => `# pip install openai
from openai import AzureOpenAI

client = AzureOpenAI(
    azure_endpoint=${jsonLiteral(base)},
    api_key=${jsonLiteral(credential)},
    api_version="2024-10-21",
)
response = client.chat.completions.create(
    model=${jsonLiteral(model)},
    messages=[{"role": "user", "content": ${jsonLiteral(t.examplePrompt)}}],
)
print(response.choices[0].message.content)
` },
  { id: "continue", label: "Continue", text: ({ base, credential, model }) => `# Continue for VS Code and JetBrains: .continue/config.yaml in your home folder
name: Event
version: 1.0.0
schema: v1
models:
  - name: ${jsonLiteral(`${model} (event)`)}
    provider: openai
    model: ${jsonLiteral(model)}
    apiBase: ${jsonLiteral(`${base}/v1`)}
    apiKey: ${jsonLiteral(credential)}
    roles: [chat, edit, apply]
` },
  { id: "cline", label: "Cline", text: ({ base, credential, model }) => `In Cline's settings, under API Configuration:

API Provider:               OpenAI Compatible
Base URL:                   ${base}/v1
OpenAI Compatible API Key:  ${credential}
Model ID:                   ${model}
` },
];

/**
 * The code examples for the models that the event offers, with their texts.
 *
 * @param {ApiAccess} access
 */
export function snippetsFor(access) {
  const claude = access.messagesModel;
  const written = (/** @type {Snippet[]} */ snippets, /** @type {string} */ model) =>
    snippets.map(({ id, label, text }) => ({ id, label, text: text({ ...access, model }) }));
  return [
    // A model of Claude serves nothing but messages.
    ...(access.model === claude ? [] : written(SNIPPETS, access.model)),
    ...(claude === null ? [] : written(CLAUDE_SNIPPETS, claude)),
  ];
}

/**
 * How each kind of request is written with the SDKs.
 *
 * @type {Record<PlaygroundRequest["kind"], { path: string, method: string, python: string, javascript: string }>}
 */
const CALLS = {
  chat: {
    path: "chat/completions", method: "chat.completions.create",
    python: "for chunk in response:\n    if chunk.choices:\n        print(chunk.choices[0].delta.content or \"\", end=\"\")\n",
    javascript: "for await (const chunk of response) process.stdout.write(chunk.choices[0]?.delta?.content ?? \"\");\n",
  },
  responses: {
    path: "responses", method: "responses.create",
    python: "for event in response:\n    if event.type == \"response.output_text.delta\":\n        print(event.delta, end=\"\")\n",
    javascript: "for await (const event of response) if (event.type === \"response.output_text.delta\") process.stdout.write(event.delta);\n",
  },
  images: {
    path: "images/generations", method: "images.generate",
    python: "import base64\nopen(\"image.png\", \"wb\").write(base64.b64decode(response.data[0].b64_json))\n",
    javascript: "import { writeFileSync } from \"node:fs\";\nwriteFileSync(\"image.png\", response.data[0].b64_json, \"base64\");\n",
  },
};

/**
 * A playground request in three languages.
 *
 * @param {ApiAccess} access
 * @param {PlaygroundRequest} request
 */
export function codeFor({ base, credential }, { kind, body }) {
  const call = CALLS[kind];
  const json = JSON.stringify(body, null, 2);
  const plain = Object.fromEntries(Object.entries(body).filter(([name]) => name !== "stream_options"));
  const arguments_ = Object.entries(plain).map(([name, value]) => `    ${name}=${pythonLiteral(value, "    ")},\n`).join("");
  return [
    { id: "curl", label: "curl", text: `curl -N ${shellLiteral(`${base}/v1/${call.path}`)} \\
  -H ${shellLiteral(`openai-event-code: ${credential}`)} \\
  -H 'Content-Type: application/json' \\
  -d ${shellLiteral(json)}
` },
    { id: "python", label: "Python", text: `from openai import OpenAI

client = OpenAI(base_url=${jsonLiteral(`${base}/v1`)}, api_key=${jsonLiteral(credential)})
response = client.${call.method}(
${arguments_})
${call.python}` },
    { id: "javascript", label: "JavaScript", text: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${jsonLiteral(`${base}/v1`)}, apiKey: ${jsonLiteral(credential)} });
const response = await client.${call.method}(${JSON.stringify(plain, null, 2)});
${call.javascript}` },
  ];
}

/**
 * A code example with colours and a copy button.
 *
 * @param {string} text
 * @param {string} language
 */
export function snippet(text, language) {
  const code = h("pre", { tabindex: "0" }, h("code", {}, highlight(text, SYNTAX[language] ?? language)));
  return h("div.snippet", {}, code, h("div.row", {}, copyButton(() => text)));
}

/**
 * The syntax of examples whose id is no language.
 *
 * @type {Record<string, string>}
 */
const SYNTAX = {
  curl: "bash", langchain: "python", azure: "python", continue: "yaml",
  "claude-bash": "bash", "claude-python": "python", "claude-typescript": "javascript", "claude-code": "bash",
};

/**
 * The environment variables that SDKs and tools read.
 *
 * @param {ApiAccess} access
 */
function dotEnv({ base, credential, model }) {
  const quoted = (/** @type {string} */ text) => `"${text.replace(/(["\\$`])/g, "\\$1")}"`;
  return `# OpenAI SDKs\nOPENAI_BASE_URL=${quoted(`${base}/v1`)}\nOPENAI_API_KEY=${quoted(credential)}\n`
    + `# Azure SDKs\nAZURE_OPENAI_ENDPOINT=${quoted(base)}\nAZURE_OPENAI_API_KEY=${quoted(credential)}\n`
    + `OPENAI_API_VERSION="2024-10-21"\n# the configurations of tools, and your own code\n`
    + `LANYARD_KEY=${quoted(credential)}\nLANYARD_MODEL=${quoted(model)}\n`;
}

/**
 * Shows all code examples.
 *
 * @param {Element} place
 * @param {ApiAccess} access
 */
export function showSnippets(place, access) {
  const entries = snippetsFor(access).map(({ id, label, text }) => ({ id, label, show: () => [snippet(text, id)] }));
  fill(place,
    h("dl.access-list", {},
      h("div", {}, h("dt", {}, t.baseUrlLabel), h("dd", {}, h("code", { id: "base-url" }, `${access.base}/v1`), copyButton(() => `${access.base}/v1`))),
      h("div", {}, h("dt", {}, t.apiKeyLabel), h("dd", {}, h("code", { id: "api-key" }, access.credential), copyButton(() => access.credential),
        h("span.muted.small", {}, t.whoeverHasTheKey)))),
    tabs(t.languagesAndTools, entries, "lanyard.language"),
    setupPicker(access, (text) => snippet(text, "bash")),
    h("p.row", {}, h("button", { type: "button", id: "dot-env", onclick: () => download("lanyard.env", "application/octet-stream", dotEnv(access)) },
      t.downloadEnv), h("span.muted.small", {}, t.containsTheSameValues)));
}
