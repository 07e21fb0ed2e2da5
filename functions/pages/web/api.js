// @ts-check
// The attendee API. The pages call it like any other client.

import * as t from "./texts.js";

/** @import { AttendeeAccess, ErrorBody, EventOfCode, OrganiserEvent } from "../types.d.ts" */

/** Base URL of the API: this page's URL up to `/api`. */
export const BASE = location.origin + location.pathname.slice(0, location.pathname.indexOf("/pages"));

/**
 * The link to the attendee page. The code is in the fragment, which browsers do not send.
 *
 * @param {OrganiserEvent} event
 */
export function attendeePageUrl(event) {
  return `${BASE}/pages#${new URLSearchParams({ code: event.code, event: event.id })}`;
}

/** A request that the API rejected, or that did not reach it. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {ErrorBody} error
   * @param {Headers} [headers]
   */
  constructor(status, error, headers) {
    super(error.message ?? t.theServiceReturnedStatus(status));
    this.status = status;
    this.code = error.code ?? "internal_error";
    this.param = error.param ?? null;
    this.details = error.details ?? [];
    this.requestId = headers?.get("x-request-id") ?? null;
    const wait = headers?.get("retry-after-ms") ?? null;
    this.retryAfterMs = wait === null ? null : Number(wait);
  }

  /** The message of an error is not enumerable. */
  toJSON() {
    return { ...this, message: this.message };
  }
}

/**
 * What was thrown, as an `ApiError`. A bug of the page is also reported to the console.
 *
 * @param {unknown} error
 */
export function asApiError(error) {
  if (error instanceof ApiError) return error;
  reportError(error);
  return new ApiError(0, { message: error instanceof Error ? error.message : String(error), code: "unexpected" });
}

/**
 * The error in a response.
 *
 * @param {Response} response
 */
async function errorOf(response) {
  const text = await response.text();
  /** @type {ErrorBody} */
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    // A proxy may send another body. The status is then all that is known.
  }
  return new ApiError(response.status, error, response.headers);
}

/**
 * Sends a request. Throws an `ApiError` unless it succeeds.
 *
 * @param {string} path
 * @param {RequestInit} options
 */
export async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(BASE + path, { cache: "no-store", credentials: "omit", ...options });
  } catch (error) {
    if (isAbort(error)) throw error;
    const message = t.theServiceCannotBe;
    throw new ApiError(0, { message, code: "unreachable" });
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

/**
 * Whether this page aborted the request.
 *
 * @param {unknown} error
 */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * The headers for a credential: `CODE/USER`, or an attendee's own key.
 *
 * @param {string} credential
 */
export function authHeaders(credential) {
  return { "openai-event-code": credential, "content-type": "application/json" };
}

/**
 * The event, its models and the remaining limits of an attendee.
 *
 * @param {string} credential
 * @returns {Promise<AttendeeAccess>}
 */
export async function readAccess(credential) {
  const response = await send("/v1/event", { headers: authHeaders(credential) });
  return response.json();
}

/**
 * The event of a credential or of a code alone, whether it is open or not. With a user it has their usage.
 *
 * @param {string} credential
 * @returns {Promise<EventOfCode>}
 */
export async function readEventOfCode(credential) {
  const response = await send("/event/mine", { headers: authHeaders(credential) });
  return response.json();
}

/**
 * Registers a user name, or returns its key again for the same passphrase.
 *
 * @param {string} eventId
 * @param {string} credential
 * @param {string} proof
 * @returns {Promise<string>}
 */
export async function register(eventId, credential, proof) {
  const response = await send(`/event/${encodeURIComponent(eventId)}/register`, {
    method: "POST", headers: authHeaders(credential), body: JSON.stringify({ proof }),
  });
  return (await response.json()).api_key;
}
