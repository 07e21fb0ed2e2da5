// @ts-check
// Times as people say them: how long still, and when, by the event's clock and by UTC.

/** @import { EventWindow } from "../types.d.ts" */

/** @type {[string, string, number][]} */
const UNITS = [["day", "d", 86_400], ["hour", "h", 3_600], ["minute", "min", 60], ["second", "s", 1]];

/**
 * A duration in its two largest units: 2 days 3 hours.
 *
 * @param {number} seconds
 */
export function span(seconds) {
  return largest(seconds).map(({ count, unit }) => `${count} ${unit}${count === 1 ? "" : "s"}`).join(" ");
}

/**
 * The same with short units: 2 d 3 h.
 *
 * @param {number} seconds
 */
export function shortSpan(seconds) {
  return largest(seconds).map(({ count, symbol }) => `${count} ${symbol}`).join(" ");
}

/**
 * The two largest units of a duration. The second is left out where it is zero.
 *
 * @param {number} seconds
 */
function largest(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const counts = UNITS.map(([unit, symbol, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return { count, unit, symbol };
  });
  const first = counts.findIndex(({ count }) => count > 0);
  if (first < 0) return counts.slice(-1);
  return counts.slice(first, first + 2).filter(({ count }) => count > 0);
}

/**
 * An instant by the clock of a zone.
 *
 * @param {string} instant
 * @param {string} zone
 */
function local(instant, zone) {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: zone }).format(new Date(instant));
}

/**
 * A window by the event's clock and by UTC.
 *
 * @param {EventWindow} event
 */
export function windowWords(event) {
  const zone = event.time_zone;
  const both = `${local(event.starts_at, zone)} – ${local(event.ends_at, zone)} (${zone})`;
  if (zone === "UTC") return [both];
  return [both, `${local(event.starts_at, "UTC")} – ${local(event.ends_at, "UTC")} (UTC)`];
}

/**
 * Where an event stands now: its words and how they are meant.
 *
 * @param {EventWindow} event
 */
export function standing(event, now = Date.now()) {
  const starts = (Date.parse(event.starts_at) - now) / 1000;
  const ends = (Date.parse(event.ends_at) - now) / 1000;
  if (event.paused || event.status === "paused") return { words: "Paused by the organiser", tone: "warn" };
  if (ends <= 0 || event.status === "ended") return { words: "Ended", tone: "bad" };
  if (starts > 0) return { words: `Starts in ${span(starts)}`, tone: "warn" };
  return { words: `Live, ends in ${span(ends)}`, tone: "good" };
}
