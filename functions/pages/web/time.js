// @ts-check
// Durations and times for people.

/** @import { EventWindow } from "../types.d.ts" */

import { TIMES } from "./locale.js";
import * as t from "./texts.js";

/** @type {[t.Unit, number][]} */
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/**
 * A duration in its two largest units: 2 days 3 hours.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  return largest(seconds).map(({ count, unit }) => t.durationIn(count, unit)).join(" ");
}

/**
 * The same with short units: 2 d 3 h.
 *
 * @param {number} seconds
 */
export function shortDuration(seconds) {
  return largest(seconds).map(({ count, unit }) => `${count} ${t.UNIT_SYMBOLS[unit]}`).join(" ");
}

/**
 * The two largest units of a duration. The second is left out where it is zero.
 *
 * @param {number} seconds
 */
function largest(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const counts = UNITS.map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return { count, unit };
  });
  const first = counts.findIndex(({ count }) => count > 0);
  if (first < 0) return counts.slice(-1);
  return counts.slice(first, first + 2).filter(({ count }) => count > 0);
}

/**
 * An instant in a time zone.
 *
 * @param {string} instant
 * @param {string} zone
 */
function local(instant, zone) {
  return new Intl.DateTimeFormat(TIMES, { dateStyle: "medium", timeStyle: "short", timeZone: zone }).format(new Date(instant));
}

/**
 * Start and end of an event, in its time zone and in UTC.
 *
 * @param {EventWindow} event
 */
export function windowLines(event) {
  const zone = event.time_zone;
  const both = `${local(event.starts_at, zone)} – ${local(event.ends_at, zone)} (${zone})`;
  if (zone === "UTC") return [both];
  return [both, `${local(event.starts_at, "UTC")} – ${local(event.ends_at, "UTC")} (UTC)`];
}

/**
 * The state of an event now, and the colour to show it in.
 *
 * @param {EventWindow} event
 */
export function eventState(event, now = Date.now()) {
  const starts = (Date.parse(event.starts_at) - now) / 1000;
  const ends = (Date.parse(event.ends_at) - now) / 1000;
  if (event.paused || event.status === "paused") return { text: t.pausedByTheOrganiser, tone: "warn" };
  if (ends <= 0 || event.status === "ended") return { text: t.ended, tone: "bad" };
  if (starts > 0) return { text: t.startsIn(duration(starts)), tone: "warn" };
  return { text: t.liveEndsIn(duration(ends)), tone: "good" };
}
