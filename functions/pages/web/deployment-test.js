// @ts-check
// Tests a deployment the way attendees use it: one small request through an open event.

/** @import { Child, OrganiserEvent } from "../types.d.ts" */

import { asApiError, authHeaders, send } from "./api.js";
import { h, number } from "./dom.js";
import { errorNote } from "./errors.js";
import { issueToken, revokeToken } from "./organiser-api.js";

/** The user name of tests, which is in the list of attendees. */
const USER = "deployment-test";

/**
 * The smallest request of each operation that costs next to nothing.
 *
 * @type {[string, string, (model: string) => object][]}
 */
const REQUESTS = [
  ["chat_completions", "/v1/chat/completions", (model) => ({ model, messages: [{ role: "user", content: "Say OK." }], max_completion_tokens: 64 })],
  ["responses", "/v1/responses", (model) => ({ model, input: "Say OK.", max_output_tokens: 64, store: false })],
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
  if (!request) return h("p.note", {}, "Only chat, responses, embeddings and moderation can be tested here. Run `lanyard doctor` to check the others.");
  const event = events.find(({ status }) => status === "open");
  if (!event) return h("p.note", {}, "A test needs an event that is open now and offers this deployment.");
  const [, path, body] = request;
  try {
    const { token, jti } = await issueToken(event.id, USER, 1);
    try {
      const begun = performance.now();
      const response = await send(path, { method: "POST", headers: authHeaders(token ?? ""), body: JSON.stringify(body(name)) });
      const { model = name } = await response.json();
      const ms = Math.round(performance.now() - begun);
      return h("p.note.good", {}, `Works: ${model} responded in ${number(ms)} ms through ${event.name}. The request counts for the user ${USER}.`);
    } finally {
      await revokeToken(event.id, jti);
    }
  } catch (cause) {
    const error = asApiError(cause);
    return [errorNote(error), error.code === "upstream_misconfigured" ? h("p", {}, "Azure refused the request: check the endpoint, the name at Azure and the key.") : null];
  }
}
