// @ts-check
// The attendees' API, called as any program would call it.

/** @import { AttendeeAccess, ErrorBody, PublicEvent } from "../types.d.ts" */

/** Where the API is: the address of this page up to `/api`. */
export const BASE = location.origin + location.pathname.slice(0, location.pathname.indexOf("/pages"));

/** What the API refused, in its own words. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {ErrorBody} error
   * @param {Headers} [headers]
   */
  constructor(status, error, headers) {
    super(error.message ?? `The service returned status ${status}.`);
    this.status = status;
    this.code = error.code ?? "internal_error";
    this.param = error.param ?? null;
    this.details = error.details ?? [];
    this.requestId = headers?.get("x-request-id") ?? null;
    const wait = headers?.get("retry-after-ms") ?? null;
    this.retryAfterMs = wait === null ? null : Number(wait);
  }
}

/**
 * What was thrown, as a refusal. A fault of the page itself is reported as well, so that it is not lost.
 *
 * @param {unknown} fault
 */
export function asRefusal(fault) {
  if (fault instanceof Refusal) return fault;
  reportError(fault);
  return new Refusal(0, { message: fault instanceof Error ? fault.message : String(fault), code: "unexpected" });
}

/**
 * The refusal that an answer carries.
 *
 * @param {Response} answer
 */
async function refusal(answer) {
  const text = await answer.text();
  /** @type {ErrorBody} */
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    // A proxy on the way answers in its own words: the status is all there is to tell.
  }
  return new Refusal(answer.status, error, answer.headers);
}

/**
 * Sends a request; whatever is not a success is thrown as a `Refusal`.
 *
 * @param {string} path
 * @param {RequestInit} options
 */
export async function send(path, options = {}) {
  let answer;
  try {
    answer = await fetch(BASE + path, { cache: "no-store", credentials: "omit", ...options });
  } catch (fault) {
    if (isAbort(fault)) throw fault;
    const message = "The service cannot be reached.";
    throw new Refusal(0, { message, code: "unreachable" });
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

/**
 * Whether a request ended because this page stopped it.
 *
 * @param {unknown} fault
 */
export function isAbort(fault) {
  return fault instanceof DOMException && fault.name === "AbortError";
}

/**
 * The headers that carry a credential, `CODE/USER` or a key of one's own.
 *
 * @param {string} credential
 */
export function credentialed(credential) {
  return { "openai-event-code": credential, "content-type": "application/json" };
}

/**
 * The event, the models and what is left, for an attendee.
 *
 * @param {string} credential
 * @returns {Promise<AttendeeAccess>}
 */
export async function eventFor(credential) {
  const answer = await send("/v1/event", { headers: credentialed(credential) });
  return answer.json();
}

/**
 * What anybody may know of an event by its id, or null where the service does not tell.
 *
 * @param {string | null} id
 * @returns {Promise<PublicEvent | null>}
 */
export async function publicEvent(id) {
  if (!id) return null;
  try {
    const answer = await send(`/event/${encodeURIComponent(id)}`);
    return await answer.json();
  } catch (fault) {
    if (fault instanceof Refusal && fault.status === 404) return null;
    throw fault;
  }
}

/**
 * The name of the open event that a code is of, or null.
 *
 * @param {string} code
 * @returns {Promise<string | null>}
 */
export async function nameOf(code) {
  try {
    const answer = await send("/v1/eventinfo", { method: "POST", headers: { "openai-event-code": code } });
    return (await answer.json()).event_name;
  } catch {
    return null;
  }
}

/**
 * Registers a name, or shows its key again to whoever has the same proof.
 *
 * @param {string} eventId
 * @param {string} credential
 * @param {string} proof
 * @returns {Promise<string>}
 */
export async function register(eventId, credential, proof) {
  const answer = await send(`/event/${encodeURIComponent(eventId)}/register`, {
    method: "POST", headers: credentialed(credential), body: JSON.stringify({ proof }),
  });
  return (await answer.json()).api_key;
}
