// @ts-check
// What each attendee gets of the event's totals, as hints of the event's form.

/** @import { Control, OrganiserEvent } from "../types.d.ts" */

import { setText } from "./dom.js";
import { limitAmount } from "./limits.js";
import * as t from "./texts.js";

/** The totals of an event of which each attendee gets a share by default. */
const SHARED = /** @type {const} */ (["tokens_total", "usd_total"]);

/**
 * Twice the fair share of a total, and never more than all of it: the rule of the service. Money has nine decimals.
 *
 * @param {string} limit
 * @param {number} total
 * @param {number} attendees
 */
export function shareOf(limit, total, attendees) {
  const parts = limit === "usd_total" ? 1e9 : 1;
  const whole = Math.round(total * parts);
  return Math.max(1, Math.min(whole, Math.floor((whole * 2) / Math.max(1, attendees)))) / parts;
}

/**
 * The hint of the field for an attendee's total, from what the form has now. `event` is the stored one, or null.
 *
 * @param {OrganiserEvent | null} event
 * @param {typeof SHARED[number]} limit
 * @param {{ total: number | null, attendees: number, each: number | null }} form
 */
export function shareHint(event, limit, { total, attendees, each }) {
  const share = (/** @type {number | null} */ of, /** @type {number} */ among) => (of ? shareOf(limit, of, among) : null);
  const words = (/** @type {number | null} */ amount) => (amount === null ? t.noLimit : limitAmount(limit, amount));
  const now = share(total, attendees);
  // The service knows the prices of the models on offer.
  const unless = limit === "usd_total" && now !== null ? ` ${t.noShareBelowOneRequest}` : "";
  if (!event) return each !== null ? "" : now === null ? t.twiceTheFairShare : `${t.shareIfEmpty(words(now))}${unless}`;
  const [before, was] = [event.allowances.event[limit] ?? null, event.allowances.attendee[limit] ?? null];
  // What is typed here is sent as it is, and a total that is not changed changes nothing.
  if (each !== was || total === before) return "";
  if (was !== share(before, event.attendees)) return t.shareStays(words(now), event.attendees);
  const refused = now !== null && (was === null || now < was) ? ` ${t.whoUsedMoreIsRefused}` : "";
  return `${t.shareFollows(words(now))}${refused}${unless}`;
}

/**
 * Keeps the hints of the attendees' totals up to date.
 *
 * @param {HTMLFormElement} form
 * @param {OrganiserEvent | null} event
 */
export function showShares(form, event) {
  const number = (/** @type {string} */ name) => {
    const control = /** @type {Control | null} */ (form.elements.namedItem(name));
    return control?.value.trim() ? Number(control.value) : null;
  };
  const show = () => {
    for (const limit of SHARED) {
      const hint = form.querySelector(`[id="field-allowances.attendee.${limit}-hint"]`);
      const now = { total: number(`allowances.event.${limit}`), attendees: number("attendees") ?? 100, each: number(`allowances.attendee.${limit}`) };
      if (hint) setText(hint, shareHint(event, limit, now));
    }
  };
  form.addEventListener("input", show);
  show();
}
