// @ts-check
// Rates and forecasts from the history that the service keeps, so that they are right from the first second.

/** @import { MinuteRow, OrganiserEvent, Series, Usage, UsageRow } from "../types.d.ts" */

import { TIMES } from "./locale.js";
import * as t from "./texts.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * What happened in the last sixty seconds: all of this minute, and the part of the minute before that is not older.
 *
 * @param {MinuteRow[]} minutes
 * @param {number} now
 */
export function lastMinute(minutes, now) {
  const current = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const rest = 1 - (now - current) / MINUTE_MS;
  const at = (/** @type {number} */ ms) => minutes.find(({ minute }) => Date.parse(minute) === ms);
  const [last, before] = [at(current), at(current - MINUTE_MS)];
  const sum = (/** @type {"requests" | "total_tokens"} */ name) => Math.round((last?.[name] ?? 0) + (before?.[name] ?? 0) * rest);
  return { requests: sum("requests"), tokens: sum("total_tokens") };
}

/**
 * A point for each of the last sixty minutes, those without requests included.
 *
 * @param {MinuteRow[]} minutes
 * @param {"requests" | "total_tokens"} name
 * @param {number} now
 * @returns {[number, number][]}
 */
export function minutePoints(minutes, name, now) {
  const values = new Map(minutes.map((row) => [Date.parse(row.minute), row[name]]));
  const last = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  return Array.from({ length: 60 }, (_, index) => {
    const at = last - (59 - index) * MINUTE_MS;
    return [at, values.get(at) ?? 0];
  });
}

/**
 * A percentile of the time to first byte, for each minute in which a response began.
 *
 * @param {MinuteRow[]} minutes
 * @param {"p50_ms" | "p95_ms"} name
 * @returns {[number, number][]}
 */
export function minuteTimes(minutes, name) {
  return minutes.flatMap(/** @returns {[number, number][]} */ ({ minute, first_byte: times }) => {
    const ms = times?.[name] ?? null;
    return ms === null ? [] : [[Date.parse(minute), ms]];
  });
}

/**
 * A point for each hour, from the first hour of the rows.
 *
 * @param {UsageRow[]} rows
 * @param {"requests" | "total_tokens"} name
 * @param {number} from
 * @param {number} now
 * @returns {[number, number][]}
 */
export function hourPoints(rows, name, from, now) {
  const values = new Map(rows.map((row) => [Date.parse(row.hour), row[name]]));
  /** @type {[number, number][]} */
  const points = [];
  for (let at = Math.floor(from / HOUR_MS) * HOUR_MS; at <= now; at += HOUR_MS) points.push([at, values.get(at) ?? 0]);
  return points;
}

/**
 * When today began in a time zone.
 *
 * @param {string} zone
 * @param {number} now
 */
export function startOfDay(zone, now) {
  const parts = new Intl.DateTimeFormat(TIMES, { timeZone: zone, hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" }).formatToParts(now);
  const of = (/** @type {string} */ type) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return now - ((of("hour") * 60 + of("minute")) * 60 + of("second")) * 1000 - (now % 1000);
}

/**
 * The budgets of an event, and what of a row counts against each.
 *
 * @type {Record<"tokens_total" | "usd_total", { left: string, of: (row: Usage) => number }>}
 */
export const BUDGETS = {
  tokens_total: { left: t.tokensLeft, of: (row) => row.total_tokens },
  usd_total: { left: t.dollarsLeft, of: (row) => row.usd ?? 0 },
};

/**
 * When a budget of the event is used up at today's rate, or null if it has none. `at` is null if nothing was used today.
 *
 * @param {OrganiserEvent} event
 * @param {keyof typeof BUDGETS} limit
 * @param {UsageRow[]} rows
 * @param {number} used
 * @param {number} now
 */
export function budgetEnd(event, limit, rows, used, now) {
  const budget = event.allowances.event[limit] ?? null;
  if (budget === null) return null;
  const today = startOfDay(event.time_zone, now);
  const ofToday = rows.filter(({ hour }) => Date.parse(hour) + HOUR_MS > today);
  const amount = ofToday.reduce((sum, row) => sum + BUDGETS[limit].of(row), 0);
  const first = Math.max(Date.parse(ofToday[0]?.hour ?? ""), today, Date.parse(event.starts_at));
  const hours = (now - first) / HOUR_MS;
  if (used >= budget) return { at: now, perHour: hours > 0 ? amount / hours : 0 };
  // A few minutes of use say nothing of the day.
  if (!amount || !(hours > 0)) return { at: null, perHour: 0 };
  const perHour = amount / Math.max(hours, 0.25);
  return { at: now + ((budget - used) / perHour) * HOUR_MS, perHour };
}

/**
 * What is left of each budget at the end of each hour, in per cent.
 *
 * @param {OrganiserEvent} event
 * @param {UsageRow[]} rows
 * @param {number} now
 * @returns {Series[]}
 */
export function burnDown(event, rows, now) {
  const limits = /** @type {(keyof typeof BUDGETS)[]} */ (Object.keys(BUDGETS)).filter((limit) => event.allowances.event[limit]);
  const [first] = rows;
  if (!first) return [];
  return limits.map((limit) => {
    const budget = event.allowances.event[limit] ?? 1;
    let used = 0;
    const left = () => Math.round(Math.max(0, 1 - used / budget) * 1000) / 10;
    /** @type {[number, number][]} */
    const points = [[Date.parse(first.hour), left()]];
    for (const row of rows) {
      used += BUDGETS[limit].of(row);
      points.push([Math.min(Date.parse(row.hour) + HOUR_MS, now), left()]);
    }
    return { name: BUDGETS[limit].left, points };
  });
}
