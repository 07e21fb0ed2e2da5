// What every agent framework is expected to do: what support/frameworks.py is to Python.
//
// A framework is an object of asynchronous functions, each of which takes a credential:
//
//     ask(key, text)             the response's text
//     stream(key, text)          the pieces of the response's text
//     useTool(key, texts, tool)  the response to the last of several turns of one conversation
//     fillIn(key, text)          an animal, by the schema `ANIMAL`

import assert from "node:assert/strict";
import { z } from "zod";
import { event, pause, scenario, spentEvent, usage, whileOneIsUnderWay } from "../node/scenarios.mjs";

export const MODEL = "gpt-5-mini";
export const ANIMAL = z.object({ species: z.string(), legs: z.number().int() });
export const WEATHER = {
  name: "read_weather",
  description: "Tells the weather of a town.",
  parameters: z.object({ town: z.string(), unit: z.string() }),
};

const CALL = 'Call read_weather with {"town": "Oslo", "unit": "celsius"}.';
const QUESTION = "Why do elephants flap their ears?";

/** Runs a function once, and keeps what it made. */
const once = (make) => {
  let made;
  return () => (made ??= make());
};

// An event for coding agents, which keeps nothing at Azure.
const usual = once(() => event(-1, { preset: "agents", attendees: 100 }));
const spent = once(spentEvent);
const paused = once(async () => {
  const made = await event();
  await pause(made.id);
  return made;
});

/** A tool that notes what it was called with. */
function weather() {
  const calls = [];
  const run = async ({ town, unit }) => {
    calls.push([town, unit]);
    return `rain in ${town}, ${unit}`;
  };
  return { calls, run };
}

/** Expects an error that has these words somewhere in its chain. */
async function fails(asked, words) {
  try {
    const text = await asked;
    assert.fail(`it should have failed, but said: ${text}`);
  } catch (error) {
    const said = [];
    for (let one = error; one; one = one.cause ?? one.lastError) said.push(`${one.message} ${one.responseBody ?? ""}`);
    assert.ok(said.some((one) => one.includes(words)), said.join(" / "));
  }
}

/** Registers every scenario for one framework, named after the API that it uses. */
export function check(framework, label) {
  const key = async (what) => `${(await usual()).code}/${label.replaceAll(" ", "-")}-${what}`;

  scenario(`${label}: a question gets a response`, async () => {
    const text = await framework.ask(await key("ask"), QUESTION);
    assert.match(text, /^\[simulated\].*flap their ears/);
    assert.equal((await usage(await key("ask"))).requests, 1);
  });

  scenario(`${label}: a response arrives in pieces`, async () => {
    const pieces = [];
    for await (const piece of framework.stream(await key("stream"), QUESTION)) pieces.push(piece);
    assert.ok(pieces.length > 5, String(pieces.length));
    assert.match(pieces.join(""), /^\[simulated\]/);
    assert.equal((await usage(await key("stream"))).requests, 1);
  });

  scenario(`${label}: a tool is called and its result gets a response`, async () => {
    const { calls, run } = weather();
    const text = await framework.useTool(await key("tool"), [CALL], run);
    assert.deepEqual(calls, [["Oslo", "celsius"]]);
    assert.match(text, /rain in Oslo/);
    assert.equal((await usage(await key("tool"))).requests, 2);
  });

  scenario(`${label}: a conversation goes on after a tool's call`, async () => {
    const { calls, run } = weather();
    const text = await framework.useTool(await key("turns"), ["Say hello.", CALL, "What do elephants eat?"], run);
    assert.deepEqual(calls, [["Oslo", "celsius"]]);
    assert.match(text, /elephants eat/);
    assert.equal((await usage(await key("turns"))).requests, 4);
  });

  scenario(`${label}: a schema is filled in`, async () => {
    ANIMAL.parse(await framework.fillIn(await key("schema"), "Describe an elephant."));
  });

  scenario(`${label}: 401: an unknown code has a readable message`, () =>
    fails(framework.ask("no-such-code/ada", "Hello"), "No valid event code was sent"));

  scenario(`${label}: 403: a paused event has a readable message`, async () =>
    fails(framework.ask(`${(await paused()).code}/ada`, "Hello"), "The organiser has paused the event"));

  scenario(`${label}: 402: a used-up budget has a readable message`, async () =>
    fails(framework.ask(`${(await spent()).code}/ada`, "Hello"), "It does not reset"));

  scenario(`${label}: 429: a request too many waits`, () =>
    whileOneIsUnderWay(async (credential) => {
      assert.match(await framework.ask(credential, "Hello"), /^\[simulated\]/);
    }));
}
