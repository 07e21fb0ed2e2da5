// The current `@anthropic-ai/sdk`: messages of Claude, whole and streamed, with tools and errors.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import Anthropic from "@anthropic-ai/sdk";
import { API, attendee, run, scenario, V1 } from "./scenarios.mjs";

const MODEL = "claude-sonnet-5";
const HELLO = [{ role: "user", content: "Hello" }];
const WEATHER = {
  name: "read_weather",
  description: "The weather in a town.",
  input_schema: { type: "object", properties: { town: { type: "string" } }, required: ["town"] },
};

const said = (content) => [{ role: "user", content }];
const client = (authToken = attendee(), options = {}) =>
  new Anthropic({ baseURL: API, authToken, apiKey: null, ...options });
const ask = (on, options = {}) => on.messages.create({ model: MODEL, max_tokens: 500, messages: HELLO, ...options });

async function refused(asking) {
  try {
    await asking;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was refused");
}

scenario("a message is answered with its usage", async () => {
  const message = await ask(client());
  assert.match(message.content[0].text, /^\[simulated\]/);
  assert.equal(message.stop_reason, "end_turn");
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
});

scenario("the key goes by its own header too, and below every address", async () => {
  for (const baseURL of [API, `${API}/anthropic`, V1]) {
    const message = await ask(new Anthropic({ baseURL, apiKey: attendee(), authToken: null }));
    assert.match(message.content[0].text, /^\[simulated\]/);
  }
});

scenario("a stream makes the same message", async () => {
  const stream = client().messages.stream({ model: MODEL, max_tokens: 500, messages: HELLO });
  let text = "";
  stream.on("text", (delta) => {
    text += delta;
  });
  const message = await stream.finalMessage();
  assert.equal(message.content[0].text, text);
  assert.equal(message.stop_reason, "end_turn");
});

scenario("a tool is called, streamed, and its result is answered", async () => {
  const one = client();
  const messages = said("How is the weather in Oslo?");
  const stream = one.messages.stream({ model: MODEL, max_tokens: 500, messages, tools: [WEATHER] });
  const message = await stream.finalMessage();
  const [call] = message.content;
  assert.equal(call.name, "read_weather");
  assert.ok(call.input.town, JSON.stringify(call));
  const result = { type: "tool_result", tool_use_id: call.id, content: "It rains." };
  messages.push({ role: "assistant", content: message.content }, { role: "user", content: [result] });
  assert.equal((await ask(one, { messages, tools: [WEATHER] })).stop_reason, "end_turn");
});

scenario("tokens are counted and models are listed", async () => {
  const counted = await client().messages.countTokens({ model: MODEL, messages: HELLO });
  assert.ok(counted.input_tokens > 3);
  const models = [];
  for await (const model of client().models.list({ limit: 1000 })) models.push(model.id);
  assert.deepEqual(models, [MODEL]);
});

scenario("each refusal is the SDK's own error", async () => {
  const unknown = await refused(ask(client("nope-code/ada")));
  assert.ok(unknown instanceof Anthropic.AuthenticationError, String(unknown));
  assert.equal(unknown.error.error.type, "authentication_error");
  const limited = await refused(ask(client(undefined, { maxRetries: 0 }), { messages: said("trigger a rate limit") }));
  assert.ok(limited instanceof Anthropic.RateLimitError, String(limited));
  const busy = await refused(ask(client(undefined, { maxRetries: 0 }), { messages: said("trigger an overload") }));
  assert.equal(busy.status, 529);
  assert.equal(busy.error.error.type, "overloaded_error");
});

scenario("an error in a stream is raised", async () => {
  const messages = said("trigger an error in the stream");
  const error = await refused(client().messages.stream({ model: MODEL, max_tokens: 500, messages }).finalMessage());
  assert.match(String(error.message), /overloaded/i);
});

const packageOf = new URL("./node_modules/@anthropic-ai/sdk/package.json", import.meta.url);
await run(`@anthropic-ai/sdk ${JSON.parse(readFileSync(packageOf)).version}`);
