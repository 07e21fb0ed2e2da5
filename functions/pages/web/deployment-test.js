// @ts-check
// Tests a deployment the way attendees use it: one small request through an open event.

/** @import { Child, OrganiserEvent } from "../types.d.ts" */

import { asApiError, authHeaders, send } from "./api.js";
import { h } from "./dom.js";
import { errorNote } from "./errors.js";
import { createEvent, deleteEvent, issueToken, resetEvent, revokeToken, runAction } from "./organiser-api.js";
import * as t from "./texts.js";

/** The user name of tests, which is in the list of attendees. */
const USER = "deployment-test";
/** An event of a test's own ends by itself, if the page is closed before it is deleted. */
const MINUTES = 10;
/** How often a reset is tried while the request is settled, and after which pause. */
const TRIES = 20;
const PAUSE_MS = 500;

/**
 * The smallest request of each operation that costs next to nothing.
 *
 * @type {[string, string, (model: string) => object][]}
 */
const REQUESTS = [
  ["chat_completions", "/v1/chat/completions", (model) => ({ model, messages: [{ role: "user", content: t.sayOk }], max_completion_tokens: 64 })],
  ["messages", "/v1/messages", (model) => ({ model, messages: [{ role: "user", content: t.sayOk }], max_tokens: 64 })],
  ["responses", "/v1/responses", (model) => ({ model, input: t.sayOk, max_output_tokens: 64, store: false })],
  ["embeddings", "/v1/embeddings", (model) => ({ model, input: "OK" })],
  ["moderations", "/v1/moderations", (model) => ({ model, input: "OK" })],
];

/**
 * What came of a test, for people.
 *
 * @param {string} name
 * @param {string[]} operations
 * @param {OrganiserEvent[]} events
 * @returns {Promise<Child>}
 */
export async function testDeployment(name, operations, events) {
  const request = REQUESTS.find(([operation]) => operations.includes(operation));
  if (!request) return h("p.note", {}, t.onlyChatClaudeResponses);
  const [, path, body] = request;
  const ask = async (/** @type {string} */ credential) => {
    const begun = performance.now();
    const response = await send(path, { method: "POST", headers: authHeaders(credential), body: JSON.stringify(body(name)) });
    const { model = name } = await response.json();
    return t.worksRespondedInMs(model, Math.round(performance.now() - begun));
  };
  try {
    const event = events.find(({ status }) => status === "open");
    if (!event) return h("p.note.good", {}, await throughOwnEvent(name, ask));
    const { token, jti } = await issueToken(event.id, USER, 1);
    try {
      return h("p.note.good", {}, t.theRequestWentThrough(await ask(token ?? ""), event.name, USER));
    } finally {
      await revokeToken(event.id, jti);
    }
  } catch (cause) {
    const error = asApiError(cause);
    return [errorNote(error), error.code === "upstream_misconfigured" ? h("p", {}, t.azureRefusedTheRequest) : null];
  }
}

/**
 * Asks through an event of its own, which offers this deployment alone and is deleted afterwards.
 *
 * @param {string} name
 * @param {(credential: string) => Promise<string>} ask
 */
async function throughOwnEvent(name, ask) {
  const at = (/** @type {number} */ minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
  const { id, code } = await createEvent({
    name: t.testOf(name), attendees: 1, time_zone: "UTC", starts_at: at(-1), ends_at: at(MINUTES), deployments: [name],
    description: t.theDashboardDeletesThis,
  });
  try {
    return await ask(`${code}/${USER}`);
  } finally {
    await runAction(id, "end", {});
    await resetWhenSettled(id);
    await deleteEvent(id);
  }
}

/** @param {string} id */
async function resetWhenSettled(id) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await resetEvent(id);
    } catch (error) {
      if (asApiError(error).status !== 503 || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
