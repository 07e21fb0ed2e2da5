// @ts-check
// What a refusal means for whoever reads it, by the table of the README.

/** @import { Refusal } from "./api.js" */

import { asRefusal } from "./api.js";
import { h } from "./dom.js";

/** @type {Record<string, string>} */
const ADVICE = {
  invalid_event_code: "Check the code, letter by letter, with the slide or the organiser.",
  event_not_started: "Come back when it opens; the page then works as it is.",
  event_ended: "The event's code no longer works.",
  event_paused: "The organiser has stopped it for now. Try again in a while.",
  attendee_blocked: "Talk to the organiser.",
  event_full: "Use the user name that you came with, or ask the organiser for more seats.",
  not_on_roster: "Write your name as the organiser has it.",
  registration_required: "Register below and use your own key from then on.",
  already_registered: "Use the words that you registered with, or another user name.",
  model_not_found: "Choose one of the event's models.",
  allowance_too_small: "Ask for less: a shorter conversation or a lower completion cap. Waiting does not help.",
  content_filter: "Azure's filter stopped this. Say it in other words.",
  request_too_large: "Send less: a shorter conversation or a smaller picture.",
  rate_limit_exceeded: "This is your share of a minute. Wait, then send it again.",
  too_many_in_flight: "Wait for an answer before you send the next request.",
  insufficient_quota: "What you have left stands below; the organiser can raise it.",
  upstream_busy: "Everybody together is at the model's limit. It cost you nothing: wait, then send it again.",
  upstream_unreachable: "Try again.",
  upstream_timeout: "Try again, or ask for a shorter answer.",
  accounting_unavailable: "Nothing was sent. Try again in a few seconds.",
  upstream_misconfigured: "Tell the organiser: the model's deployment must be mended.",
  internal_error: "Try again, and give the organiser the request's id if it goes on.",
  unreachable: "Are you online?",
  unexpected: "Reload the page and try again.",
};

/**
 * What to do about a refusal.
 *
 * @param {Refusal} fault
 */
function advice(fault) {
  return ADVICE[fault.code] ?? "";
}

/**
 * What was thrown as a note. With `again`, a button that waits as long as the API asks for.
 *
 * @param {unknown} thrown
 * @param {(() => void) | null} again
 */
export function note(thrown, again = null) {
  const fault = asRefusal(thrown);
  const isOurs = fault.status >= 500 || fault.status === 429;
  const small = [fault.code, fault.requestId].filter(Boolean).join(" · ");
  const line = fault.param && !fault.details.length ? `It is about the field “${fault.param}”.` : null;
  return h(`div.note.${isOurs ? "warn" : "bad"}`, { role: "alert", "data-code": fault.code },
    h("p", {}, h("strong", {}, fault.message)),
    h("p", {}, [advice(fault), line].filter(Boolean).join(" ")),
    again ? h("p", {}, waiting(fault, again)) : null,
    h("p.small.soft", {}, small));
}

/**
 * @param {Refusal} fault
 * @param {() => void} again
 */
function waiting(fault, again) {
  const button = h("button.small", { type: "button", onclick: again }, "Try again");
  let left = Math.ceil((fault.retryAfterMs ?? 0) / 1000);
  const tick = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left-- > 0) setTimeout(tick, 1000);
  };
  tick();
  return button;
}
