// Scenarios that run one after the other, the organisers' API, and the rows of errors.json: what support/ is to Python.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url)));

export const SAMPLES = read("samples.json");
export const TABLE = read("errors.json");
export const API = `${process.env.LANYARD_ADDRESS}/api`;
export const V1 = `${API}/v1`;

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: SAMPLES.question }] };
const LONG = { ...CHAT, stream: true, response_format: SAMPLES.long_answer };
const SECONDS_PER_SCENARIO = 30;
const SECONDS_TO_SETTLE = 10;
const USER = "ada";
// Tokens that are too few for any request: a cap that nobody named is at least 1,024.
const LEFT = 900;

const scenarios = [];
let attendees = 0;

/** Registers a function under a sentence about behaviour. */
export function scenario(name, run) {
  scenarios.push({ name, run });
}

/** A credential of the local event for an attendee who is new to it, so that scenarios share no allowance. */
export function attendee() {
  attendees += 1;
  return `hackathon/openai_node-${attendees}`;
}

/** Runs everything that was registered, and ends the process. */
export async function run(client) {
  console.log(`client ${client}`);
  let failed = 0;
  for (const { name, run } of scenarios) {
    let timer;
    const tooLate = new Promise((_, reject) => {
      timer = setTimeout(reject, SECONDS_PER_SCENARIO * 1000, new Error(`not over after ${SECONDS_PER_SCENARIO} s`));
    });
    try {
      await Promise.race([run(), tooLate]);
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${name}: ${String(error).replaceAll(/\s+/g, " ")}`);
      console.log(error.stack);
    } finally {
      clearTimeout(timer);
    }
  }
  process.exit(failed > 0 ? 1 : 0);
}

async function open(method, address, bearer, body) {
  const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
  const response = await fetch(address, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${await response.text()}`);
  return response;
}

/** Calls the organisers' API and returns the response's JSON. */
async function organise(method, path, body) {
  return (await open(method, `${API}/admin${path}`, process.env.LANYARD_ORGANISER_TOKEN, body)).json();
}

/** Sends a chat in an attendee's name and returns the open response. */
export const ask = (credential, chat) => open("POST", `${V1}/chat/completions`, credential, chat);

/** Makes an event that is open, unless it opens later, with any of the API's fields set otherwise. */
export async function event(opensInHours = -1, fields = {}) {
  const hours = (count) => new Date(Date.now() + count * 3_600_000).toISOString();
  const usual = { name: "Client tests", time_zone: "UTC", attendees: 10 };
  const window = { starts_at: hours(opensInHours), ends_at: hours(opensInHours + 48) };
  return organise("POST", "/events", { ...usual, ...window, ...fields });
}

async function addDeployment({ name, ...fields }) {
  const { deployments } = await organise("GET", "/deployments");
  const { endpoint } = deployments.find((each) => each.name === "gpt-4o-mini");
  const usual = { endpoint, azure_name: "gpt-4o-mini", operations: ["chat_completions"], key: "simulated" };
  return organise("PUT", `/deployments/${name}`, { ...usual, ...fields });
}

async function settle(id) {
  const deadline = Date.now() + SECONDS_TO_SETTLE * 1000;
  while ((await organise("GET", `/events/${id}/usage`)).total.held_tokens > 0) {
    if (Date.now() > deadline) throw new Error(`still held after ${SECONDS_TO_SETTLE} seconds`);
    await sleep(20);
  }
}

/** Pauses an event. */
export const pause = (id) => organise("POST", `/events/${id}/pause`);

/** What an attendee has used so far, when all of it has been settled. */
export async function usage(credential) {
  const deadline = Date.now() + SECONDS_TO_SETTLE * 1000;
  for (;;) {
    const { usage } = await (await open("GET", `${V1}/event`, credential)).json();
    if (usage.held_tokens === 0) return usage;
    if (Date.now() > deadline) throw new Error(`still held after ${SECONDS_TO_SETTLE} seconds`);
    await sleep(20);
  }
}

/** Makes an event of whose total so little is left that no request fits any more. */
export async function spentEvent() {
  const total = 60_000;
  const allowances = { attendee: { tokens_total: null }, event: { tokens_total: total } };
  const made = await event(-1, { preset: "agents", allowances });
  for (let left = total; left > LEFT; ) {
    // What is held for a prompt may be more than what the simulator counts, a token for four letters.
    const content = "many words, ".repeat((left - LEFT / 2) / 5);
    const chat = { ...CHAT, messages: [{ role: "user", content }], max_tokens: 20 };
    await (await ask(`${made.code}/grace`, chat)).text();
    await settle(made.id);
    left = total - (await organise("GET", `/events/${made.id}/usage`)).total.total_tokens;
  }
  return made;
}

/** Runs `inside` with a credential for one request at once, while one is under way. */
export async function whileOneIsUnderWay(inside) {
  const { code } = await event(-1, { allowances: { attendee: { in_flight: 1 } } });
  const underWay = await ask(`${code}/${USER}`, LONG);
  try {
    return await inside(`${code}/${USER}`);
  } finally {
    await underWay.body.cancel();
  }
}

/** The chat that a row's request asks for. */
export function chatOf(request) {
  if (request.chat === "long") return LONG;
  const messages = request.padding && [{ role: "user", content: "x".repeat(request.padding) }];
  return { ...CHAT, ...request.chat, ...(messages && { messages }) };
}

/** Makes a row's event and what must have happened before, and runs `inside` with the credential for its request. */
export async function inWorldOf(row, inside) {
  if (row.code) return inside(`${row.code}/${USER}`);
  if (row.deployment) await addDeployment(row.deployment);
  const { id, code } = await event(row.opens_in_hours, row.event);
  if (row.before) {
    await (await ask(`${code}/${row.before.user}`, chatOf(row.before))).text();
    await settle(id);
  }
  if (row.then === "block") {
    await organise("PATCH", `/events/${id}/attendees/${USER}`, { blocked: true });
  } else if (row.then) {
    await organise("POST", `/events/${id}/${row.then}`);
  }
  const underWay = row.meanwhile && (await ask(`${code}/${row.meanwhile.user}`, chatOf(row.meanwhile)));
  try {
    return await inside(`${code}/${USER}`);
  } finally {
    await underWay?.body.cancel();
  }
}
