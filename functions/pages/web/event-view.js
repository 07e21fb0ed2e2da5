// @ts-check
// One event: its head, live numbers and charts, attendees, roster and audit log. Polled while the page is visible.

/** @import { Attendee, MinuteRow, OrganiserEvent, Usage, UsageReport, UsageRow } from "../types.d.ts" */

import { asApiError } from "./api.js";
import { auditView } from "./audit.js";
import { bars, figure, lines, stackedBars } from "./chart.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { attendeesView } from "./event-attendees.js";
import { eventHead } from "./event-head.js";
import { rosterView } from "./event-roster.js";
import { issuedTokensView } from "./issued-tokens.js";
import { dollars } from "./limits.js";
import { dateTime, number } from "./locale.js";
import { listAttendees, readEvent, readUsage } from "./organiser-api.js";
import { ratingsView } from "./ratings.js";
import { budgetEnd, burnDown, hourPoints, lastMinute, minutePoints, minuteTimes, startOfDay } from "./rates.js";
import { sessionsView } from "./sessions.js";
import * as t from "./texts.js";

/** @typedef {"hour" | "today" | "all"} Range */

/** A pause is shown within this time, also if somebody else paused the event. */
const POLL_MS = 2000;
/** Attendees and models are read with each third poll. */
const SLOW_POLLS = 3;
/** How many kinds of errors have their own colour. */
const ERROR_KINDS = 5;
const HOUR_MS = 3_600_000;
const TOP_ATTENDEES = 8;

/**
 * A model, and how much of its input came from the cache.
 *
 * @param {UsageRow} row
 */
function modelLabel({ model, cache_read_tokens: read, cache_written_tokens: written }) {
  return read + written > 0 ? t.readFromTheCache(model, read, written) : model;
}

/**
 * The models with the most tokens first.
 *
 * @param {UsageRow[]} rows
 * @returns {[string, number][]}
 */
function byTokens(rows) {
  return [...rows].sort((one, other) => other.total_tokens - one.total_tokens).map((row) => [modelLabel(row), row.total_tokens]);
}

/**
 * What each of some users or models cost, the dearest first.
 *
 * @param {[string, Usage][]} rows
 * @returns {[string, number][]}
 */
function costs(rows) {
  return rows.map(/** @returns {[string, number]} */ ([name, usage]) => [name, usage.usd ?? 0]).filter(([, usd]) => usd > 0).sort(([, one], [, other]) => other - one);
}

/**
 * The elements of an event's view, and a function that stops it.
 *
 * @param {OrganiserEvent} first
 * @returns {[HTMLElement[], () => void]}
 */
export function eventView(first) {
  const errors = h("div", { "aria-live": "assertive" });
  const numbers = h("dl.numbers", { id: "numbers" });
  const figures = {
    tokens: figure(t.tokensOverTime),
    requests: figure(t.requestsOverTime),
    firstByte: figure(t.timeToFirstByteMs),
    errors: figure(t.errorsAndRejectedRequests),
    budget: figure(t.budgetLeft),
    people: figure(t.attendeesWhoJoined),
    models: figure(t.tokensByModel),
    costs: figure(t.costByModel),
    users: figure(t.tokensByAttendeeAllTime),
    spenders: figure(t.costByAttendeeAllTime),
  };
  const audit = auditView(first);
  const head = eventHead(first, (event) => { state.event = event; audit.refresh(); });
  const people = attendeesView(first, () => audit.refresh());
  /** @type {{ event: OrganiserEvent, polls: number, range: Range, byHour: UsageReport | null, byModel: UsageReport | null, attendees: Attendee[], kinds: string[], timer: number | undefined, isLeft: boolean }} */
  const state = { event: first, polls: 0, range: "hour", byHour: null, byModel: null, attendees: [], kinds: [], timer: undefined, isLeft: false };
  const range = h("div.row.range", { role: "group", "aria-label": t.timeRange },
    /** @type {[Range, string][]} */ ([["hour", t.lastHour], ["today", t.today], ["all", t.allOfThem]]).map(([name, label]) =>
      h("button.small", { type: "button", "data-range": name, "aria-pressed": String(name === state.range), onclick: () => chooseRange(name) }, label)));

  /** @param {Range} name */
  function chooseRange(name) {
    state.range = name;
    for (const button of range.children) button.setAttribute("aria-pressed", String(button.getAttribute("data-range") === name));
    draw();
    // What was used by model is read anew for the range.
    state.polls = 0;
    poll();
  }

  let latestPoll = 0;
  async function poll() {
    clearTimeout(state.timer);
    if (state.isLeft) return;
    latestPoll += 1;
    const mine = latestPoll;
    if (!document.hidden) await refresh();
    // Another one may have begun meanwhile, which goes on.
    if (!state.isLeft && mine === latestPoll) state.timer = setTimeout(poll, POLL_MS);
  }

  async function refresh() {
    const isSlow = state.polls++ % SLOW_POLLS === 0;
    const range = state.range;
    const since = range === "all" ? null : from(Date.now());
    try {
      const [event, byHour, slow] = await Promise.all([
        readEvent(first.id),
        readUsage(first.id, "hour"),
        isSlow ? Promise.all([readUsage(first.id, "model", since), listAttendees(first.id)]) : null,
      ]);
      if (state.isLeft) return;
      state.byHour = byHour;
      // A response that was on its way while the organiser changed the event is out of date.
      if (event.version >= state.event.version) {
        state.event = event;
        head.show(event, byHour.warnings ?? []);
      }
      if (slow) {
        const [byModel, attendees] = slow;
        // A response for a range that is no longer chosen is out of date.
        if (range === state.range) state.byModel = byModel;
        state.attendees = attendees;
        people.show(attendees);
      }
      draw();
      fill(errors);
    } catch (error) {
      // The page goes on with what it has, and tries again.
      if (!state.isLeft) fill(errors, errorNote(asApiError(error)));
    }
  }

  function draw() {
    if (!state.byHour) return;
    const now = Date.now();
    showNumbers(state.byHour, now);
    drawTimes(state.byHour, now);
    drawErrors(shownRows(state.byHour, now));
    drawFirstBytes(shownRows(state.byHour, now), state.byHour.minutes ?? []);
    figures.models.draw(...bars({ title: t.tokensByModel, rows: byTokens(state.byModel?.rows ?? []) }));
    figures.costs.draw(...bars({ title: t.costByModel, rows: costs((state.byModel?.rows ?? []).map((row) => [row.model, row])), words: dollars }));
    const { tokens_total: tokens, usd_total: money } = state.event.allowances.event;
    figures.budget.draw(...(tokens || money
      ? lines({ title: t.budgetLeft, time: dayLabel, unit: " %", series: burnDown(state.event, state.byHour.rows, now) })
      : [h("p.empty", {}, t.noBudgetSet)]));
    drawPeople(now);
  }

  /** @param {number | string} at */
  function dayLabel(at) {
    return dateTime(at, state.event.time_zone, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  }

  /** @param {number} now */
  function from(now) {
    const day = startOfDay(state.event.time_zone, now);
    if (state.range === "hour") return now - HOUR_MS;
    const start = Math.min(Date.parse(state.byHour?.rows[0]?.hour ?? "") || now, now);
    return state.range === "today" ? Math.max(day, Math.min(start, now - HOUR_MS)) : Math.min(start, now - HOUR_MS);
  }

  /**
   * The rows of the chosen range. An hour is shown while a part of it is in the range.
   *
   * @param {UsageReport} report
   * @param {number} now
   */
  function shownRows({ rows }, now) {
    return rows.filter(({ hour }) => Date.parse(hour) + HOUR_MS > from(now));
  }

  /**
   * @param {UsageReport} report
   * @param {number} now
   */
  function showNumbers({ total, rows, minutes = [] }, now) {
    const failed = rows.flatMap((row) => Object.values(row.errors)).reduce((sum, times) => sum + times, 0);
    const { tokens_total: budget, usd_total: money, attendees: seats } = state.event.allowances.event;
    const [spent, held] = [total.usd ?? 0, total.held_units?.usd ?? 0];
    const joined = state.attendees.filter((one) => one.joined_at).length;
    const inFlight = state.attendees.reduce((sum, one) => sum + one.in_flight, 0);
    const rate = lastMinute(minutes, now);
    const latest = rows.findLast((row) => row.first_byte.p50_ms !== null)?.first_byte;
    const ms = (/** @type {number | null | undefined} */ value) => (value === null || value === undefined ? "–" : t.ms(value));
    const one = (/** @type {string} */ id, /** @type {string} */ words, /** @type {string} */ value, of = "") => h("div", {}, h("dt", {}, words), h("dd", { id }, value, of ? h("span.of", {}, of) : null));
    fill(numbers,
      one("n-tokens", t.tokensHead, number(total.total_tokens), budget ? ofTokens(budget, total.total_tokens) : t.noBudgetSetNumber),
      one("n-cost", t.cost, dollars(spent), `${money ? ofMoney(money, spent, held) : t.noBudgetSetNumber}${held ? t.reserved(dollars(held)) : ""}`),
      one("n-requests", t.requests, number(total.requests)),
      one("n-errors", t.errors, number(failed), t.includingRejectedRequests),
      one("n-joined", t.joined, number(joined), seats ? t.ofSeats(seats) : ""),
      one("n-open", t.inProgress, number(inFlight), t.heldTokens(total.held_tokens ?? 0)),
      one("n-rate", t.tokensPerMinute, number(rate.tokens), t.inTheLastMinute),
      one("n-request-rate", t.requestsPerMinute, number(rate.requests), t.inTheLastMinute),
      one("n-first-byte", t.timeToFirstByte, ms(latest?.p50_ms), t.medianP95(ms(latest?.p95_ms))),
      budgetNumber("n-budget", t.budgetEnds, budgetEnd(state.event, "tokens_total", rows, total.total_tokens, now), (perHour) => t.tokensPerHour(Math.round(perHour))),
      budgetNumber("n-budget-usd", t.moneyEnds, budgetEnd(state.event, "usd_total", rows, spent, now), dollars));

    /**
     * @param {number} budget
     * @param {number} used
     */
    function ofTokens(budget, used) {
      return used >= budget ? t.ofUsedUp(number(budget)) : t.ofBudget(budget);
    }

    /**
     * @param {number} budget
     * @param {number} spent
     * @param {number} held
     */
    function ofMoney(budget, spent, held) {
      return spent >= budget ? t.ofUsedUp(dollars(budget)) : t.ofLeft(dollars(budget), dollars(Math.max(budget - spent - held, 0)));
    }

    /**
     * @param {string} id
     * @param {string} words
     * @param {ReturnType<typeof budgetEnd>} end
     * @param {(perHour: number) => string} amount
     */
    function budgetNumber(id, words, end, amount) {
      if (!end) return null;
      const rate = t.atPerHourToday(amount(end.perHour));
      if (end.at === null) return one(id, words, "–", t.nothingWasUsedToday);
      if (end.at <= now) return one(id, words, t.usedUp, rate);
      return one(id, words, end.at > Date.parse(state.event.ends_at) ? t.lasts : dayLabel(end.at), rate);
    }
  }

  /**
   * @param {UsageReport} report
   * @param {number} now
   */
  function drawTimes({ rows, minutes = [] }, now) {
    const isHour = state.range === "hour";
    const points = (/** @type {"requests" | "total_tokens"} */ name) => (isHour ? minutePoints(minutes, name, now) : hourPoints(rows, name, from(now), now));
    const per = isHour ? t.minuteUnit : t.hourUnit;
    figures.tokens.draw(...lines({ title: t.tokensPer(per), time: timeLabel, series: [{ name: t.tokensPerUnit(per), points: points("total_tokens") }] }));
    figures.requests.draw(...lines({ title: t.requestsPer(per), time: timeLabel, series: [{ name: t.requestsPerUnit(per), points: points("requests") }] }));
  }

  /** @param {number | string} at */
  function timeLabel(at) {
    if (state.range !== "hour") return dayLabel(at);
    return dateTime(at, state.event.time_zone, { hour: "2-digit", minute: "2-digit" });
  }

  /** @param {UsageRow[]} rows */
  function drawErrors(rows) {
    const codes = rows.flatMap((row) => Object.entries(row.errors)).sort(([, a], [, b]) => b - a).map(([code]) => code);
    // A kind keeps its colour when the order changes.
    state.kinds = [...new Set([...state.kinds, ...codes])].slice(0, ERROR_KINDS);
    figures.errors.draw(...stackedBars({
      title: t.errorsAndRejectedRequests, kinds: state.kinds,
      rows: rows.filter((row) => Object.keys(row.errors).length).map((row) => [dayLabel(row.hour), row.errors]),
    }));
  }

  /**
   * @param {UsageRow[]} rows
   * @param {MinuteRow[]} minutes
   */
  function drawFirstBytes(rows, minutes) {
    const isHour = state.range === "hour";
    const byHour = (/** @type {"p95_ms" | "p50_ms"} */ of) => rows.flatMap(/** @returns {[number, number][]} */ ({ hour, first_byte: times }) => {
      const ms = times[of];
      return ms === null ? [] : [[Date.parse(hour), ms]];
    });
    const points = (/** @type {"p95_ms" | "p50_ms"} */ of) => (isHour ? minuteTimes(minutes, of) : byHour(of));
    figures.firstByte.draw(...lines({
      title: t.timeToFirstBytePer(isHour ? t.minuteUnit : t.hourUnit), time: timeLabel, unit: t.msUnit,
      series: [{ name: t.p95, points: points("p95_ms") }, { name: t.median, points: points("p50_ms") }],
    }));
  }

  /** @param {number} now */
  function drawPeople(now) {
    const { attendees } = state;
    const top = [...attendees].filter(({ usage }) => usage.total_tokens).sort((a, b) => b.usage.total_tokens - a.usage.total_tokens).slice(0, TOP_ATTENDEES);
    figures.users.draw(...bars({ title: t.tokensByAttendee, rows: top.map(({ user, usage }) => [user, usage.total_tokens]) }));
    const byCost = costs(attendees.map(({ user, usage }) => [user, usage])).slice(0, TOP_ATTENDEES);
    figures.spenders.draw(...bars({ title: t.costByAttendee, rows: byCost, words: dollars }));
    const joined = attendees.flatMap((one) => (one.joined_at ? [Date.parse(one.joined_at)] : [])).sort((a, b) => a - b);
    const [began] = joined;
    const used = attendees.filter((one) => one.usage.requests > 0).length;
    figures.people.draw(...lines({
      title: t.attendeesTitle, time: dayLabel,
      series: [
        { name: "joined", points: began === undefined ? [] : [[began, 0], ...joined.map(/** @returns {[number, number]} */ (at, index) => [at, index + 1]), [now, joined.length]] },
        { name: t.sentRequestsSeries, points: began === undefined ? [] : [[now, used]] },
      ],
    }));
  }

  poll();
  audit.refresh();
  const onVisible = () => { if (!document.hidden) poll(); };
  document.addEventListener("visibilitychange", onVisible);
  const stop = () => {
    state.isLeft = true;
    clearTimeout(state.timer);
    document.removeEventListener("visibilitychange", onVisible);
  };
  const roster = first.access === "roster" ? [rosterView(first.id, () => audit.refresh())] : [];
  const more = [sessionsView(first.id), ratingsView(first), issuedTokensView(first, () => audit.refresh())];
  const elements = [head.element, errors, h("div.row.spread", {}, h("h2", {}, t.live), range), numbers,
    h("div.charts", {}, Object.values(figures).map((each) => each.element)), h("br"), people.element, ...roster, ...more, audit.element];
  return [elements, stop];
}
