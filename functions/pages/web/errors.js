// @ts-check
// Error messages with advice. The codes are those of docs/errors.md.

/** @import { ApiError } from "./api.js" */

import { asApiError } from "./api.js";
import { h } from "./dom.js";

/** @type {Record<string, string>} */
const ADVICE = {
  invalid_event_code: "Compare the code with the slide, or ask the organiser.",
  event_not_started: "Come back when the event starts. This page will work then.",
  event_ended: "The code of an event stops working when the event ends.",
  event_paused: "The organiser has paused the event. Try again later.",
  attendee_blocked: "Ask the organiser.",
  event_full: "Use the user name that you joined with, or ask the organiser for more seats.",
  not_on_roster: "Enter your name as it is on the organiser's roster.",
  registration_required: "Register below, then use your own key.",
  already_registered: "Enter the passphrase that you registered with, or choose another user name.",
  model_not_found: "Choose one of the event's models.",
  allowance_too_small: "Shorten the conversation or lower the max output tokens. Waiting does not help.",
  content_filter: "Azure's content filter blocked this. Rephrase your message.",
  request_too_large: "Shorten the conversation or use a smaller image.",
  rate_limit_exceeded: "You have reached your limit for this minute. Wait, then send it again.",
  too_many_in_flight: "Wait for a response before you send the next request.",
  insufficient_quota: "Your limits are listed under Usage and limits. The organiser can raise them.",
  upstream_busy: "The event has reached the model's rate limit. This request does not count. Wait, then send it again.",
  upstream_unreachable: "Try again.",
  upstream_timeout: "Try again, or ask for a shorter response.",
  accounting_unavailable: "Nothing was sent. Try again in a few seconds.",
  upstream_misconfigured: "The model is misconfigured. Tell the organiser.",
  internal_error: "Try again. If it keeps failing, give the organiser the request ID below.",
  unreachable: "Check your internet connection, then try again.",
  unexpected: "Reload the page and try again.",
};

/**
 * What happened, for errors whose text in the API is written for programs.
 *
 * @type {Record<string, string>}
 */
const WORDS = {
  invalid_event_code: "This event code is not known.",
  invalid_organiser_token: "This organiser token is not known, or was revoked.",
};

/**
 * The words for a code, for tables and charts.
 *
 * @param {string} code
 */
export function reason(code) {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * What to do about an error.
 *
 * @param {ApiError} error
 */
function advice(error) {
  return ADVICE[error.code] ?? "";
}

/**
 * An error as a message. With `retry`, it has a button that is enabled after the retry time of the API.
 *
 * @param {unknown} thrown
 * @param {(() => void) | null} retry
 */
export function errorNote(thrown, retry = null) {
  const error = asApiError(thrown);
  const isOurs = error.status >= 500 || error.status === 429;
  const small = [error.code, error.requestId].filter(Boolean).join(" · ");
  const line = error.param && !error.details.length ? `Field: ${error.param}.` : null;
  return h(`div.note.${isOurs ? "warn" : "bad"}`, { role: "alert", "data-code": error.code },
    h("p", {}, h("strong", {}, WORDS[error.code] ?? (error.details.length > 1 ? `${error.details.length} fields need a change. They are marked below.` : error.message))),
    h("p", {}, [advice(error), line].filter(Boolean).join(" ")),
    retry ? h("p", {}, retryButton(error, retry)) : null,
    h("p.small.muted", {}, small));
}

/**
 * @param {ApiError} error
 * @param {() => void} retry
 */
function retryButton(error, retry) {
  const button = h("button.small", { type: "button", onclick: retry }, "Try again");
  let left = Math.ceil((error.retryAfterMs ?? 0) / 1000);
  const tick = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left-- > 0) setTimeout(tick, 1000);
  };
  tick();
  return button;
}
