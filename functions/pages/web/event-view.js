// @ts-check
// One event: its code, its actions, and live usage that is polled while the page is visible.

/** @import { Attendee, OrganiserEvent, Usage, UsageReport, UsageRow } from "../types.d.ts" */

import { BASE } from "./api.js";
import { bars, figure, lines, stackedBars } from "./chart.js";
import { copyButton } from "./copy-button.js";
import { fill, h, number } from "./dom.js";
import { errorNote } from "./errors.js";
import { auditView, attendeesView } from "./event-attendees.js";
import { rosterView } from "./event-roster.js";
import { listAttendees, attendeePageUrl, runAction, readUsage } from "./organiser-api.js";
import { eventState, windowLines } from "./time.js";

/**
 * The totals at a time in ms.
 *
 * @typedef {{ at: number, total: Usage }} Sample
 */
/** @typedef {{ event: OrganiserEvent, samples: Sample[], kinds: string[], timer: number | undefined, isLeft: boolean }} State */
/** @typedef {"pause" | "resume" | "rotate-code" | "end"} Step */

const POLL_MS = 3000;
const MAX_SAMPLES = 1200;
const HOURS_SHOWN = 12;
/** How many kinds of errors have their own colour. */
const ERROR_KINDS = 5;

/**
 * The elements of an event's view, and a function that stops it.
 *
 * @param {OrganiserEvent} event
 * @returns {[HTMLElement[], () => void]}
 */
export function eventView(event) {
  const head = h("div");
  const errors = h("div", { "aria-live": "assertive" });
  const numbers = h("dl.numbers", { id: "numbers" });
  const figures = {
    tokens: figure("Tokens used since this page was opened"),
    requests: figure("Requests per minute since this page was opened"),
    firstByte: figure("Time to first byte by hour (ms)"),
    people: figure("Attendees who joined"),
    hours: figure("Tokens by hour"),
    errors: figure("Errors and rejected requests by hour"),
    models: figure("Tokens by model"),
  };
  const audit = auditView(event.id);
  const people = attendeesView(event.id, () => audit.refresh());
  /** @type {State} */
  const state = { event, samples: [], kinds: [], timer: undefined, isLeft: false };

  function showHead() {
    const { text, tone } = eventState(state.event);
    const hasEnded = Date.parse(state.event.ends_at) <= Date.now();
    const step = (/** @type {Step} */ name, /** @type {string} */ label, kind = "") => h(`button${kind}`, { type: "button", id: name, onclick: () => act(name) }, label);
    fill(head,
      h("div.head", {},
        h("h1", {}, state.event.name),
        h(`p.badge.${tone}`, { id: "state" }, text),
        h("p.muted.small", {}, windowLines(state.event).map((line) => h("span", {}, line, h("br")))),
        h("p", {}, "Code ", h("span.code", { id: "event-code" }, state.event.code), " ", copyButton(() => attendeePageUrl(state.event), "Copy page link")),
        h("div.row", {},
          hasEnded ? null : state.event.paused ? step("resume", "Resume", ".main") : step("pause", "Pause"),
          h("a.button", { href: `#edit=${state.event.id}` }, "Edit"),
          h("a.button", { href: `${BASE}/pages/handout#event=${state.event.id}`, id: "handout" }, "Handout"),
          h("a.button", { href: attendeePageUrl(state.event), target: "_blank", rel: "noopener" }, "Attendee page"),
          hasEnded ? null : step("rotate-code", "Rotate code"),
          hasEnded ? null : step("end", "End now", ".danger"))),
      state.event.warnings.map((warning) => h("p.note.warn", {}, warning)));
  }

  /** @type {Partial<Record<Step, string>>} */
  const QUESTIONS = {
    "rotate-code": "Rotate the code? The old code works for another 15 minutes.",
    end: "End the event now? Its code stops working for everyone.",
  };

  /** @param {Step} step */
  async function act(step) {
    const question = QUESTIONS[step];
    if (question && !confirm(question)) return;
    try {
      state.event = await runAction(event.id, step, step === "rotate-code" ? { grace_minutes: 15 } : {});
      fill(errors);
      showHead();
      audit.refresh();
    } catch (error) {
      fill(errors, errorNote(error));
    }
  }

  async function poll() {
    clearTimeout(state.timer);
    if (state.isLeft) return;
    if (!document.hidden) await refresh();
    if (!state.isLeft) state.timer = setTimeout(poll, POLL_MS);
  }

  async function refresh() {
    try {
      const [byHour, byModel, attendees] = await Promise.all([
        readUsage(event.id, "hour"),
        readUsage(event.id, "model"),
        listAttendees(event.id),
      ]);
      if (state.isLeft) return;
      state.samples.push({ at: Date.now(), total: byHour.total });
      // Drop every other sample, so that a long event stays fast to draw.
      if (state.samples.length > MAX_SAMPLES) state.samples = state.samples.filter((_, index) => index % 2 === 0);
      showNumbers(byHour, attendees);
      draw(byHour, byModel, attendees);
      people.show(attendees);
      fill(errors);
    } catch (error) {
      fill(errors, errorNote(error));
    }
  }

  /**
   * @param {UsageReport} byHour
   * @param {Attendee[]} attendees
   */
  function showNumbers({ total, rows }, attendees) {
    const failed = rows.flatMap((row) => Object.values(row.errors)).reduce((sum, times) => sum + times, 0);
    const budget = state.event.allowances.event.tokens_total;
    const seats = state.event.allowances.event.attendees;
    const joined = attendees.filter((one) => one.joined_at);
    const inFlight = attendees.reduce((sum, one) => sum + one.in_flight, 0);
    const one = (/** @type {string} */ id, /** @type {string} */ words, /** @type {number} */ value, of = "") => h("div", {}, h("dt", {}, words), h("dd", { id }, number(value), of ? h("span.of", {}, of) : null));
    fill(numbers,
      one("n-tokens", "Tokens", total.total_tokens, budget ? `of ${number(budget)}` : "no budget set"),
      one("n-requests", "Requests", total.requests),
      one("n-errors", "Errors", failed, "including rejected requests"),
      one("n-joined", "Joined", joined.length, seats ? `of ${number(seats)} seats` : ""),
      one("n-open", "In progress", inFlight, `${number(total.held_tokens ?? 0)} tokens reserved`),
      one("n-rate", "Tokens per minute", Math.round(rate((each) => each.total_tokens)), "in the last minute"));
  }

  /**
   * The growth of a total in the last minute.
   *
   * @param {(total: Usage) => number} of
   */
  function rate(of, at = state.samples.length - 1) {
    const last = state.samples[at];
    if (!last) return 0;
    const first = state.samples.slice(0, at + 1).findLast((sample) => sample.at <= last.at - 60_000) ?? state.samples[0] ?? last;
    return of(last.total) - of(first.total);
  }

  /**
   * @param {UsageReport} byHour
   * @param {UsageReport} byModel
   * @param {Attendee[]} attendees
   */
  function draw(byHour, byModel, attendees) {
    const timeLabel = (/** @type {number} */ at) => new Date(at).toLocaleTimeString("en-GB");
    const hourLabel = (/** @type {string | number} */ at) => new Date(at).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    const budget = state.event.allowances.event.tokens_total;
    const samples = state.samples;
    figures.tokens.draw(...lines({
      title: "Tokens", time: timeLabel, limit: budget ? { name: "budget", value: budget } : null,
      series: [{ name: "used", points: samples.map(({ at, total }) => [at, total.total_tokens]) },
        { name: "used and reserved", points: samples.map(({ at, total }) => [at, total.total_tokens + (total.held_tokens ?? 0)]) }],
    }));
    figures.requests.draw(...lines({
      title: "Requests per minute", time: timeLabel,
      series: [{ name: "requests", points: samples.map(({ at }, index) => [at, rate((total) => total.requests, index)]) }],
    }));
    figures.hours.draw(...bars({ title: "Tokens by hour", rows: byHour.rows.slice(-HOURS_SHOWN).map((row) => [hourLabel(row.hour), row.total_tokens]) }));
    drawErrors(byHour.rows.slice(-HOURS_SHOWN), hourLabel);
    figures.models.draw(...bars({ title: "Tokens by model", rows: byModel.rows.map((row) => [row.model, row.total_tokens]) }));
    const joined = attendees.flatMap((one) => (one.joined_at ? [Date.parse(one.joined_at)] : [])).sort((a, b) => a - b);
    const [first] = joined;
    const now = Date.now();
    const used = attendees.filter((one) => one.usage.requests > 0).length;
    figures.people.draw(...lines({
      title: "Attendees", time: hourLabel,
      series: [
        { name: "joined", points: first === undefined ? [] : [[first, 0], ...joined.map(/** @returns {[number, number]} */ (at, index) => [at, index + 1]), [now, joined.length]] },
        { name: "sent requests", points: first === undefined ? [] : [[now, used]] },
      ],
    }));
  }

  /**
   * @param {UsageRow[]} rows
   * @param {(hour: string | number) => string} hourLabel
   */
  function drawErrors(rows, hourLabel) {
    const codes = rows.flatMap((row) => Object.entries(row.errors)).sort(([, a], [, b]) => b - a).map(([code]) => code);
    // A kind keeps its colour when the order changes.
    state.kinds = [...new Set([...state.kinds, ...codes])].slice(0, ERROR_KINDS);
    figures.errors.draw(...stackedBars({
      title: "Errors and rejected requests by hour", kinds: state.kinds,
      rows: rows.filter((row) => Object.keys(row.errors).length).map((row) => [hourLabel(row.hour), row.errors]),
    }));
    /**
     * @param {string} name
     * @param {"p95_ms" | "p50_ms"} of
     * @returns {import("../types.d.ts").Series}
     */
    const percentile = (name, of) => ({
      name,
      points: rows.flatMap((row) => {
        const ms = row.first_byte[of];
        return ms === null ? [] : [[Date.parse(row.hour), ms]];
      }),
    });
    figures.firstByte.draw(...lines({
      title: "Time to first byte in the last hour", time: hourLabel, unit: " ms",
      series: [percentile("p95", "p95_ms"), percentile("median", "p50_ms")],
    }));
  }

  showHead();
  poll();
  audit.refresh();
  const onVisible = () => { if (!document.hidden) poll(); };
  document.addEventListener("visibilitychange", onVisible);
  const stop = () => {
    state.isLeft = true;
    clearTimeout(state.timer);
    document.removeEventListener("visibilitychange", onVisible);
  };
  const roster = event.access === "roster" ? rosterView(event.id, () => audit.refresh()) : null;
  const elements = [head, errors, h("h2", {}, "Live"), numbers,
    h("div.charts", {}, Object.values(figures).map((each) => each.element)), h("br"), people.element, ...(roster ? [roster] : []), audit.element];
  return [elements, stop];
}
