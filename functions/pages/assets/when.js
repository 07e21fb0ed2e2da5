// @ts-check
// Times as people say them: how long still, and when, by the event's clock and by UTC.

/** @import { EventWindow } from "../types.d.ts" */

/** @type {[string, number][]} */
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/**
 * A span in its two largest units: 2 days 3 hours.
 *
 * @param {number} seconds
 */
export function span(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const words = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) words.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
    if (words.length === 2 || (words.length && !count)) break;
  }
  return words.join(" ") || "a moment";
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
  if (ends <= 0 || event.status === "ended") return { words: "Over", tone: "bad" };
  if (starts > 0) return { words: `Starts in ${span(starts)}`, tone: "warn" };
  return { words: `Live, ends in ${span(ends)}`, tone: "good" };
}
