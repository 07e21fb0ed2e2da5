// @ts-check
// First calls in each language, with one's own address, credential and model. The browser test runs them.

/** @import { ApiAccess, ChatRequest } from "../types.d.ts" */

import { copyButton } from "./copy.js";
import { download, fill, h } from "./dom.js";
import { double, powershell, python, shell } from "./quote.js";
import { tabs } from "./tabs.js";

const QUESTION = "Say hello in five languages";

/**
 * The snippets for an access.
 *
 * @type {{ id: string, label: string, text: (access: ApiAccess) => string }[]}
 */
export const SNIPPETS = [
  { id: "bash", label: "curl (bash)", text: ({ base, credential, model }) => `curl ${shell(`${base}/v1/chat/completions`)} \\
  -H ${shell(`openai-event-code: ${credential}`)} \\
  -H 'Content-Type: application/json' \\
  -d ${shell(`{"model": ${double(model)},
       "messages": [{"role": "user", "content": ${double(QUESTION)}}]}`)}
` },
  { id: "powershell", label: "PowerShell", text: ({ base, credential, model }) => `$headers = @{ 'openai-event-code' = ${powershell(credential)} }
$body = @{
  model = ${powershell(model)}
  messages = @(@{ role = 'user'; content = ${powershell(QUESTION)} })
} | ConvertTo-Json -Depth 5
$response = Invoke-RestMethod -Method Post -Uri ${powershell(`${base}/v1/chat/completions`)} \`
  -Headers $headers -ContentType 'application/json' -Body $body
$response.choices[0].message.content
` },
  { id: "python", label: "Python", text: ({ base, credential, model }) => `# pip install openai
from openai import OpenAI

client = OpenAI(base_url=${double(`${base}/v1`)}, api_key=${double(credential)})
response = client.chat.completions.create(
    model=${double(model)},
    messages=[{"role": "user", "content": ${double(QUESTION)}}],
)
print(response.choices[0].message.content)
` },
  { id: "javascript", label: "JavaScript", text: ({ base, credential, model }) => `// npm install openai; save as hello.mjs
import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${double(`${base}/v1`)}, apiKey: ${double(credential)} });
const stream = await client.chat.completions.create({
  model: ${double(model)},
  messages: [{ role: "user", content: ${double(QUESTION)} }],
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
    ${double(model)},
    new ApiKeyCredential(${double(credential)}),
    new OpenAIClientOptions { Endpoint = new Uri(${double(`${base}/v1`)}) });
ChatCompletion response = client.CompleteChat(${double(QUESTION)});
Console.WriteLine(response.Content[0].Text);
` },
  { id: "langchain", label: "LangChain", text: ({ base, credential, model }) => `# pip install langchain-openai
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    base_url=${double(`${base}/v1`)},
    api_key=${double(credential)},
    model=${double(model)},
)
print(model.invoke(${double(QUESTION)}).content)
` },
  { id: "azure", label: "Azure SDK", text: ({ base, credential, model }) => `# pip install openai
from openai import AzureOpenAI

client = AzureOpenAI(
    azure_endpoint=${double(base)},
    api_key=${double(credential)},
    api_version="2024-10-21",
)
response = client.chat.completions.create(
    model=${double(model)},
    messages=[{"role": "user", "content": ${double(QUESTION)}}],
)
print(response.choices[0].message.content)
` },
  { id: "continue", label: "Continue", text: ({ base, credential, model }) => `# Continue for VS Code and JetBrains: .continue/config.yaml in your home folder
name: Event
version: 1.0.0
schema: v1
models:
  - name: ${double(`${model} (event)`)}
    provider: openai
    model: ${double(model)}
    apiBase: ${double(`${base}/v1`)}
    apiKey: ${double(credential)}
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
 * A request of the playground in three languages.
 *
 * @param {ApiAccess} access
 * @param {ChatRequest} body
 */
export function codeOf({ base, credential }, body) {
  const json = JSON.stringify(body, null, 2);
  const { stream_options: _, ...plain } = body;
  const streamed = body.stream === true;
  const arguments_ = Object.entries(plain).map(([name, value]) => `    ${name}=${python(value, "    ")},\n`).join("");
  return [
    { id: "curl", label: "curl", text: `curl -N ${shell(`${base}/v1/chat/completions`)} \\
  -H ${shell(`openai-event-code: ${credential}`)} \\
  -H 'Content-Type: application/json' \\
  -d ${shell(json)}
` },
    { id: "python", label: "Python", text: `from openai import OpenAI

client = OpenAI(base_url=${double(`${base}/v1`)}, api_key=${double(credential)})
response = client.chat.completions.create(
${arguments_})
${streamed
    ? "for chunk in response:\n    if chunk.choices:\n        print(chunk.choices[0].delta.content or \"\", end=\"\")\n"
    : "print(response.choices[0].message.content)\n"}` },
    { id: "javascript", label: "JavaScript", text: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${double(`${base}/v1`)}, apiKey: ${double(credential)} });
const response = await client.chat.completions.create(${JSON.stringify(plain, null, 2)});
${streamed
    ? "for await (const chunk of response) process.stdout.write(chunk.choices[0]?.delta?.content ?? \"\");\n"
    : "console.log(response.choices[0].message.content);\n"}` },
  ];
}

/**
 * A snippet with its button.
 *
 * @param {string} text
 */
export function snippetView(text) {
  const code = h("pre", { tabindex: "0" }, h("code", {}, text));
  return h("div.snippet", {}, code, h("div.row", {}, copyButton(() => text)));
}

/**
 * The settings that SDKs and tools read by themselves.
 *
 * @param {ApiAccess} access
 */
function dotEnv({ base, credential, model }) {
  const quoted = (/** @type {string} */ text) => `"${text.replace(/(["\\$`])/g, "\\$1")}"`;
  return `# OpenAI SDKs\nOPENAI_BASE_URL=${quoted(`${base}/v1`)}\nOPENAI_API_KEY=${quoted(credential)}\n`
    + `# Azure SDKs\nAZURE_OPENAI_ENDPOINT=${quoted(base)}\nAZURE_OPENAI_API_KEY=${quoted(credential)}\n`
    + `OPENAI_API_VERSION="2024-10-21"\n# for your own code\nLANYARD_MODEL=${quoted(model)}\n`;
}

/**
 * Shows all snippets for an access.
 *
 * @param {Element} place
 * @param {ApiAccess} access
 */
export function showSnippets(place, access) {
  const entries = SNIPPETS.map(({ id, label, text }) => ({ id, label, show: () => [snippetView(text(access))] }));
  fill(place,
    h("p", {}, "Your base URL is ", h("code", {}, `${access.base}/v1`), " and your API key is ", h("code", {}, access.credential),
      ". Whoever has the key uses your allowance."),
    tabs("Languages and tools", entries),
    h("p.row", {}, h("button", { type: "button", id: "dot-env", onclick: () => download("lanyard.env", "application/octet-stream", dotEnv(access)) },
      "Download .env"), h("span.soft.small", {}, "Contains the same values as environment variables. Rename lanyard.env to .env and keep it out of your repository.")));
}
