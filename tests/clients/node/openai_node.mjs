// The current `openai` for Node.

import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI } from "openai";
import { VERSION } from "openai/version";
import { API, attendee, chatOf, inWorldOf, run, SAMPLES, scenario, TABLE, V1 } from "./scenarios.mjs";

const CHAT = "gpt-4o-mini";
const ABOUT_WEATHER = [{ role: "user", content: "How is the weather in Bergen?" }];
const EMBEDDINGS = "text-embedding-3-small";
const DIMENSIONS = 1536;
const QUESTION = [{ role: "user", content: SAMPLES.question }];
const WEATHER = SAMPLES.weather_tool;
const PNG = `data:image/png;base64,${SAMPLES.png_base64}`;

const client = (apiKey = attendee(), options = {}) => new OpenAI({ baseURL: V1, apiKey, ...options });
const azure = (options) => new AzureOpenAI({ apiKey: attendee(), apiVersion: "2024-10-21", ...options });
const complete = (on, options = {}) => on.chat.completions.create({ model: CHAT, messages: QUESTION, ...options });
const textOf = (response) => response.choices[0].message.content;

function isAnswer(text, messages = 1) {
  assert.match(text, new RegExp(`^\\[simulated\\].* It saw ${messages} message`));
}

function isWeatherCall({ name, arguments: json }) {
  assert.equal(name, "read_weather");
  const { town, unit } = JSON.parse(json);
  assert.ok(town && ["celsius", "fahrenheit"].includes(unit), json);
}

scenario("a chat is answered with its usage", async () => {
  const messages = [{ role: "system", content: SAMPLES.system }, ...QUESTION];
  const response = await complete(client(), { messages, temperature: 0.7, max_tokens: 500 });
  isAnswer(textOf(response), 2);
  assert.equal(response.choices[0].finish_reason, "stop");
  assert.equal(response.usage.prompt_tokens + response.usage.completion_tokens, response.usage.total_tokens);
  assert.ok(response._request_id);
});

scenario("the environment alone configures the client", async () => {
  Object.assign(process.env, { OPENAI_BASE_URL: V1, OPENAI_API_KEY: attendee() });
  try {
    isAnswer(textOf(await complete(new OpenAI())));
  } finally {
    delete process.env.OPENAI_BASE_URL;
    delete process.env.OPENAI_API_KEY;
  }
});

scenario("a conversation keeps its history", async () => {
  const one = client();
  const messages = [];
  for (const turn of [1, 2, 3]) {
    messages.push({ role: "user", content: `Question ${turn}?` });
    const response = await complete(one, { messages });
    isAnswer(textOf(response), 2 * turn - 1);
    messages.push(response.choices[0].message);
  }
});

scenario("a stream is read without guarding its first choice", async () => {
  let text = "";
  for await (const chunk of await complete(client(), { stream: true })) text += chunk.choices[0].delta.content ?? "";
  isAnswer(text);
});

scenario("a stream ends with its usage if that was asked for", async () => {
  const chunks = [];
  const options = { stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await complete(client(), options)) chunks.push(chunk);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.ok(last.usage.completion_tokens > 10);
  assert.ok(chunks.every((chunk) => chunk.choices.length === 1));
});

scenario("a stream is read by the helper", async () => {
  const stream = client().chat.completions.stream({ model: CHAT, messages: QUESTION });
  let pieces = 0;
  stream.on("content", () => (pieces += 1));
  isAnswer(textOf(await stream.finalChatCompletion()));
  assert.ok(pieces > 10, `${pieces} pieces`);
});

scenario("a stream that is left early leaves the client usable", async () => {
  const one = client();
  for await (const _ of await complete(one, { stream: true })) break;
  isAnswer(textOf(await complete(one)));
});

scenario("a tool is called and its result is explained", async () => {
  const one = client();
  const messages = [...ABOUT_WEATHER];
  const asked = (await complete(one, { messages, tools: [WEATHER], tool_choice: "auto" })).choices[0].message;
  assert.equal(asked.content, null);
  messages.push(asked);
  for (const call of asked.tool_calls) {
    isWeatherCall(call.function);
    messages.push({ role: "tool", tool_call_id: call.id, content: '{"sky": "rain"}' });
  }
  assert.match(textOf(await complete(one, { messages, tools: [WEATHER] })), /rain/);
});

scenario("the helper runs tools by itself", async () => {
  const tool = { ...WEATHER, function: { ...WEATHER.function, parse: JSON.parse, function: () => "heavy rain" } };
  const runner = client().chat.completions.runTools({ model: CHAT, messages: ABOUT_WEATHER, tools: [tool] });
  assert.match(await runner.finalContent(), /heavy rain/);
});

scenario("a tool call is streamed in pieces", async () => {
  const call = { name: "", arguments: "" };
  for await (const chunk of await complete(client(), { messages: ABOUT_WEATHER, tools: [WEATHER], stream: true })) {
    for (const piece of chunk.choices[0].delta.tool_calls ?? []) {
      call.name += piece.function.name ?? "";
      call.arguments += piece.function.arguments ?? "";
    }
  }
  isWeatherCall(call);
});

scenario("json mode gives an object", async () => {
  const messages = [{ role: "system", content: "Answer as JSON." }, ...QUESTION];
  const response = await complete(client(), { messages, response_format: { type: "json_object" } });
  assert.equal(typeof JSON.parse(textOf(response)), "object");
});

scenario("a json schema is kept and parsed", async () => {
  const response_format = { type: "json_schema", json_schema: SAMPLES.animal_schema };
  const animal = JSON.parse(textOf(await complete(client(), { response_format })));
  assert.ok(typeof animal.species === "string" && Number.isInteger(animal.legs), animal);
});

scenario("a picture is sent as data or as an address", async () => {
  const large = `data:image/png;base64,${"A".repeat(4_000_000)}`;
  for (const url of [PNG, SAMPLES.image_address, large]) {
    const content = [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url } }];
    assert.match(textOf(await complete(client(), { messages: [{ role: "user", content }] })), /1 image/);
  }
});

async function embed(input, options = {}) {
  const { data } = await client().embeddings.create({ model: EMBEDDINGS, input, ...options });
  return data.map((item) => item.embedding);
}

function areClose(one, other) {
  assert.equal(one.length, other.length);
  one.forEach((number, index) => assert.ok(Math.abs(number - other[index]) < 1e-5));
}

scenario("texts and tokens are embedded alone and together", async () => {
  for (const several of [SAMPLES.texts, SAMPLES.tokens]) {
    const together = await embed(several);
    assert.deepEqual(together.map((vector) => vector.length), several.map(() => DIMENSIONS));
    areClose((await embed(several[1]))[0], together[1]);
  }
});

scenario("vectors come as numbers, as base64 and shorter", async () => {
  const [text] = SAMPLES.texts;
  const [packed] = await embed(text, { encoding_format: "base64" });
  assert.equal(Buffer.from(packed, "base64").length, 4 * DIMENSIONS);
  areClose((await embed(text, { encoding_format: "float" }))[0], (await embed(text))[0]);
  assert.equal((await embed(text, { dimensions: 256 }))[0].length, 256);
});

scenario("raw headers tell of the attendee's own allowance", async () => {
  const { data, response, request_id } = await complete(client(), { max_tokens: 100_000 }).withResponse();
  isAnswer(textOf(data));
  assert.equal(request_id, response.headers.get("x-request-id"));
  assert.ok(Number(response.headers.get("x-ratelimit-remaining-requests")) > 0);
  assert.match(response.headers.get("x-event-max-tokens"), /4096/);
  for (const hidden of ["apim-request-id", "x-ms-region", "azureml-model-session", "x-lanyard-simulator"]) {
    assert.equal(response.headers.get(hidden), null, hidden);
  }
});

scenario("models are listed and described", async () => {
  const names = [];
  for await (const model of client().models.list()) names.push(model.id);
  assert.ok(names.includes(CHAT) && names.includes(EMBEDDINGS), names.join());
  assert.equal((await client().models.retrieve(CHAT)).id, CHAT);
});

scenario("azure's client finds chat and embeddings below api and below v1", async () => {
  for (const endpoint of [API, V1]) {
    isAnswer(textOf(await complete(azure({ endpoint }))));
    const { data } = await azure({ endpoint }).embeddings.create({ model: EMBEDDINGS, input: "Elephants" });
    assert.equal(data[0].embedding.length, DIMENSIONS);
  }
});

scenario("azure's client takes its deployment from the start", async () => {
  assert.match((await complete(azure({ endpoint: API, deployment: "gpt-4o" }))).model, /^gpt-4o-2024/);
});

scenario("azure's client finds responses below a deployment, and moderations without one", async () => {
  const deployment = azure({ baseURL: `${API}/openai/deployments/${CHAT}` });
  const answer = await deployment.responses.create({ model: CHAT, input: SAMPLES.question });
  isAnswer(answer.output_text);
  await assert.rejects(deployment.files.list(), (error) => error.code === "unknown_route" && /\/api\/openai\/files/.test(error.message));
  const { results } = await azure({ endpoint: API }).moderations.create({ input: "A kind sentence." });
  assert.equal(results[0].flagged, false);
});

scenario("azure's client gets azure's first frame without choices", async () => {
  const chunks = [];
  for await (const chunk of await complete(azure({ endpoint: API }), { stream: true })) chunks.push(chunk);
  const first = chunks.shift();
  assert.ok(first.choices.length === 0 && first.prompt_filter_results, JSON.stringify(first));
  isAnswer(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""));
});

scenario("the plain client finds azure's v1 address", async () => {
  isAnswer(textOf(await complete(client(attendee(), { baseURL: `${API}/openai/v1/` }))));
});

scenario("a gateway's client names user, model and code in headers", async () => {
  const [code, user] = attendee().split("/");
  const headers = { Authorization: `Bearer ${code}`, "x-user-id": user, "x-model": "gpt-4o", "x-app-id": "none" };
  const one = client("dummy", { baseURL: `${API}/openai-proxy/` });
  const response = await one.chat.completions.create({ model: "AZURE_o3", messages: QUESTION }, { headers });
  assert.match(response.model, /^gpt-4o-2024/);
});

// The classes that the SDK's documentation tells people to catch; any other status is an APIError.
const CLASSES = {
  400: OpenAI.BadRequestError,
  401: OpenAI.AuthenticationError,
  403: OpenAI.PermissionDeniedError,
  404: OpenAI.NotFoundError,
  429: OpenAI.RateLimitError,
  502: OpenAI.InternalServerError,
  503: OpenAI.InternalServerError,
};

/** A client whose requests are counted and timed. */
function watched(apiKey, options) {
  const calls = [];
  const counting = async (...call) => {
    const noted = { sentAt: performance.now() };
    calls.push(noted);
    const response = await fetch(...call);
    Object.assign(noted, { answeredAt: performance.now(), headers: response.headers });
    return response;
  };
  return { calls, one: client(apiKey, { ...options, fetch: counting }) };
}

function send(one, request) {
  if (request.chat) return one.chat.completions.create(chatOf(request));
  if (request.get) return one.get(request.get);
  const headers = { "content-type": request.content_type ?? "application/json" };
  return one.post(request.post, { body: Buffer.from(request.text), headers });
}

for (const row of TABLE.rows) {
  scenario(`error ${row.status} ${row.error}: ${row.name}`, () =>
    inWorldOf(row, async (credential) => {
      const { one, calls } = watched(credential, "max_retries" in row ? { maxRetries: row.max_retries } : {});
      const error = await send(one, row.request).then(() => assert.fail("nothing was thrown"), (thrown) => thrown);
      assert.equal(error.constructor, CLASSES[row.status] ?? OpenAI.APIError, error);
      const { status, code, type, param } = error;
      assert.deepEqual([status, code, type, param], [row.status, row.error, row.type, row.param]);
      assert.ok(error.requestID && error.requestID === error.headers.get("x-request-id"), error.requestID);
      assert.ok(error.error.message && error.message.includes(error.error.message), error.message);
      assert.equal(calls.length, row.attempts, `${calls.length} requests were made`);
      assert.equal(error.headers.get("x-should-retry"), row.should_retry ?? null);
      const [least, most] = row.waits_ms ?? [NaN, NaN];
      const wait = Number(error.headers.get("retry-after-ms"));
      assert.ok(!row.waits_ms || (least <= wait && wait <= most), `retry-after-ms is ${wait}`);
    }));
}

for (const row of TABLE.waits) {
  scenario(row.name, () =>
    inWorldOf(row, async (credential) => {
      const { one, calls } = watched(credential);
      isAnswer(textOf(await send(one, row.request)));
      assert.ok(calls.length > 1, "nothing was refused");
      for (const [index, refused] of calls.slice(0, -1).entries()) {
        const wait = Number(refused.headers.get("retry-after-ms"));
        const waited = calls[index + 1].sentAt - refused.answeredAt;
        // A timer of Node's may be a millisecond early.
        assert.ok(wait - 2 <= waited && waited < wait + 500, `waited ${waited} ms instead of ${wait} ms`);
      }
    }));
}

await run(`openai ${VERSION}, Node ${process.versions.node}`);
