// @ts-check
// The attendees of an event: a sorted table with search, filter and pages, actions for one or many, and an export.

/** @import { Attendee, AttendeeChange, OrganiserEvent } from "../types.d.ts" */

import { doubled, openDrawer } from "./attendee-drawer.js";
import { listed } from "./attendee-list.js";
import { csv } from "./csv.js";
import { download, fill, h, setText, syncChildren } from "./dom.js";
import { errorNote } from "./errors.js";
import { ask, options } from "./form.js";
import { ownLimits, withLabels } from "./limits.js";
import { dateTime, number } from "./locale.js";
import { changeAttendee } from "./organiser-api.js";
import * as t from "./texts.js";

/** @typedef {import("./attendee-list.js").Choice} Choice */
/** @typedef {import("./attendee-list.js").Column} Column */
/** @typedef {import("./attendee-list.js").Filter} Filter */

/** @type {[Column | null, string, boolean][]} */
const COLUMNS = [["user", t.nameLabel, false], ["requests", t.requests, true], ["tokens", t.tokensHead, true], ["in_flight", t.inProgress, true],
  ["joined", t.joined, false], [null, t.limits, false], [null, t.actions, false]];

/** The seconds are in the details. */
const JOINED = /** @type {const} */ ({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/**
 * The warnings of a change, with the attendee's name.
 *
 * @param {Attendee} attendee
 */
function warningsOf({ user, warnings = [] }) {
  return warnings.map((warning) => h("p.note.warn", { role: "status" }, `${user}: ${withLabels(warning)}`));
}

/**
 * The list of attendees; `show(attendees)` refreshes it, `changed()` is called after a change.
 *
 * @param {OrganiserEvent} event
 * @param {() => void} changed
 */
export function attendeesView(event, changed) {
  const errors = h("div", { "aria-live": "assertive" });
  const body = h("tbody");
  const count = h("p.muted.small", { role: "status" });
  const empty = h("p.muted");
  const search = h("input", { type: "search", id: "search", oninput: () => choose({ search: search.value }), autocomplete: "off" });
  const filter = h("select", { id: "filter", "aria-label": t.filter, onchange: () => choose({ filter: /** @type {Filter} */ (filter.value) }) },
    options([["all", t.allOfThem], ["used", t.sentRequests], ["unused", t.sentNothing], ["blocked", t.blocked], ["custom", t.ownLimits]]));
  const pages = h("div.row");
  const bulk = h("div.row.bulk", { hidden: true });
  const selectAll = h("input", { type: "checkbox", "aria-label": t.selectAllThatAre, id: "select-all", onchange: selectFound });
  /** @type {Map<string, ReturnType<typeof attendeeRow>>} */
  const rows = new Map();
  /** @type {Set<string>} */
  const selected = new Set();
  /** @type {Attendee[]} */
  let all = [];
  /** @type {Choice} */
  let choice = { search: "", filter: "all", column: "user", isDescending: false, page: 0 };
  /** @type {Attendee[]} */
  let found = [];

  /** @param {Partial<Choice>} part */
  function choose(part) {
    choice = { ...choice, page: 0, ...part };
    draw();
  }

  const heads = COLUMNS.map(([column, label, isNumber]) => h(`th${isNumber ? ".number" : ""}`, { scope: "col" },
    column ? h("button.plain.sort", { type: "button", "data-sort": column, onclick: () => sortBy(column, isNumber) }, label) : label));

  /**
   * @param {Column} column
   * @param {boolean} isNumber
   */
  function sortBy(column, isNumber) {
    // Numbers begin with the largest, which is what organisers look for.
    choose({ column, isDescending: choice.column === column ? !choice.isDescending : isNumber });
  }

  function draw() {
    const list = listed(all, choice);
    found = list.found;
    setText(count, t.foundOf(found.length, all.length));
    setText(empty, all.length ? t.noAttendeeMatches : t.noAttendeesYet);
    empty.hidden = found.length > 0;
    COLUMNS.forEach(([column], index) => {
      if (column === choice.column) heads[index]?.setAttribute("aria-sort", choice.isDescending ? "descending" : "ascending");
      else heads[index]?.removeAttribute("aria-sort");
    });
    syncChildren(body, list.shown.map((one) => {
      const row = rows.get(one.user) ?? attendeeRow(one.user, event.time_zone, { apply, open, select });
      rows.set(one.user, row);
      return row.show(one, selected.has(one.user));
    }));
    drawPages(list.page, list.pages);
    drawBulk();
  }

  let drawnPages = "";
  /**
   * @param {number} page
   * @param {number} total
   */
  function drawPages(page, total) {
    // The buttons stay while nothing changes, so that a click is not lost.
    if (drawnPages === `${page}/${total}`) return;
    drawnPages = `${page}/${total}`;
    const step = (/** @type {string} */ label, /** @type {number} */ to) =>
      h("button.small", { type: "button", disabled: to < 0 || to >= total, onclick: () => choose({ page: to }) }, label);
    fill(pages, total > 1 ? [step(t.previous, page - 1), h("span.small", { id: "page" }, t.pageOf(page + 1, total)), step(t.next, page + 1)] : []);
  }

  let drawnBulk = -1;
  function drawBulk() {
    for (const user of selected) if (!all.some((one) => one.user === user)) selected.delete(user);
    selectAll.checked = found.length > 0 && found.every(({ user }) => selected.has(user));
    if (drawnBulk === selected.size) return;
    drawnBulk = selected.size;
    bulk.hidden = !selected.size;
    const many = (/** @type {string} */ label, /** @type {(one: Attendee) => AttendeeChange} */ change, kind = "") =>
      h(`button.small${kind}`, { type: "button", onclick: () => applyToSelected(label, change) }, label);
    fill(bulk, h("strong", {}, t.selected(selected.size)),
      many(t.block, () => ({ blocked: true }), ".danger"), many(t.unblock, () => ({ blocked: false })),
      many(t.doubleAllLimits, ({ allowance }) => ({ allowance: doubled(allowance) })), many(t.resetLimits, () => ({ allowance: null })),
      h("button.small", { type: "button", onclick: () => { selected.clear(); draw(); } }, t.clearSelection));
  }

  function selectFound() {
    for (const { user } of found) {
      if (selectAll.checked) selected.add(user);
      else selected.delete(user);
    }
    draw();
  }

  /**
   * @param {string} user
   * @param {boolean} isSelected
   */
  function select(user, isSelected) {
    if (isSelected) selected.add(user);
    else selected.delete(user);
    draw();
  }

  /** @param {Attendee} after */
  function replace(after) {
    all = all.map((one) => (one.user === after.user ? after : one));
    draw();
  }

  /**
   * @param {string} user
   * @param {AttendeeChange} change
   */
  async function apply(user, change) {
    try {
      const after = await changeAttendee(event.id, user, change);
      replace(after);
      const undo = change.blocked === undefined ? null
        : h("p.note", { role: "status" }, change.blocked ? t.isBlocked(user) : t.isUnblocked(user), h("button.small", { type: "button", id: "undo", onclick: () => apply(user, { blocked: !change.blocked }) }, t.undo));
      fill(errors, undo, warningsOf(after));
      changed();
    } catch (error) {
      fill(errors, errorNote(error));
    }
  }

  /**
   * @param {string} label
   * @param {(one: Attendee) => AttendeeChange} change
   */
  async function applyToSelected(label, change) {
    const chosen = all.filter(({ user }) => selected.has(user));
    if (!(await ask(`${label}: ${t.attendeeCount(chosen.length)}?`, { yes: label }))) return;
    let done = 0;
    /** @type {Element[]} */
    const warned = [];
    try {
      for (const one of chosen) {
        const after = await changeAttendee(event.id, one.user, change(one));
        replace(after);
        warned.push(...warningsOf(after));
        done += 1;
        fill(errors, h("p.note", { role: "status" }, t.progress(label, done, chosen.length)), warned);
      }
      selected.clear();
      draw();
    } catch (error) {
      fill(errors, errorNote(error), h("p", {}, t.ofWereChanged(done, chosen.length)), warned);
    }
    changed();
  }

  /** @param {string} user */
  function open(user) {
    const one = all.find((each) => each.user === user);
    if (!one) return;
    openDrawer(event, one, (after) => {
      if (after) replace(after);
      else {
        all = all.filter((each) => each.user !== user);
        draw();
      }
      changed();
    });
  }

  function exportCsv() {
    const columns = ["user", "requests", "prompt_tokens", "completion_tokens", "total_tokens", "usd", "joined_at", "blocked"];
    const rows = all.map((one) => [one.user, one.usage.requests, one.usage.prompt_tokens, one.usage.completion_tokens,
      one.usage.total_tokens, one.usage.usd ?? 0, one.joined_at, one.blocked ? "yes" : "no"]);
    download(`attendees-${event.id}.csv`, "text/csv;charset=utf-8", csv(columns, rows));
  }

  const element = h("section.card", { "aria-labelledby": "attendees-title" },
    h("h2", { id: "attendees-title" }, t.attendeesTitle), errors,
    h("div.row.attendees", {}, h("label", { for: "search" }, t.search), search, filter,
      h("button.small", { type: "button", id: "export", onclick: exportCsv }, t.exportCsv), count),
    bulk,
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": t.attendeesTable }, h("table.people", {},
      h("thead", {}, h("tr", {}, h("td", {}, selectAll), heads)), body)),
    empty, pages);
  return { element, show: (/** @type {Attendee[]} */ attendees) => { all = attendees; draw(); } };
}

/**
 * The row of one attendee. Updates change the row in place, so that neither a click nor the focus is lost.
 *
 * @param {string} user
 * @param {string} zone the event's
 * @param {{ apply: (user: string, change: AttendeeChange) => void, open: (user: string) => void, select: (user: string, isSelected: boolean) => void }} actions
 */
function attendeeRow(user, zone, { apply, open, select }) {
  /**
   * @param {string} name
   * @param {string} label
   * @param {() => void} onclick
   */
  const button = (name, label, onclick, kind = "") => h(`button.small${kind}`, { type: "button", "data-action": name, "aria-label": `${label}: ${user}`, onclick }, label);
  const block = button("block", t.block, () => apply(user, { blocked: true }), ".danger");
  const unblock = button("unblock", t.unblock, () => apply(user, { blocked: false }));
  const details = button("details", t.details, () => open(user));
  const box = h("input", { type: "checkbox", "aria-label": t.select(user), onchange: () => select(user, box.checked) });
  const name = h("th", { scope: "row" }, user);
  const blocked = h("span.badge.bad", {}, t.blockedBadge);
  const [requests, tokens, inFlight] = [h("td.number"), h("td.number"), h("td.number")];
  const [joined, limits, buttons] = [h("td.nowrap"), h("td"), h("span.row")];
  const element = h("tr", { "data-user": user }, h("td", {}, box), name, requests, tokens, inFlight, joined, limits, h("td", {}, buttons));

  /**
   * @param {Attendee} one
   * @param {boolean} isSelected
   */
  function show(one, isSelected) {
    box.checked = isSelected;
    if (one.blocked) name.append(blocked);
    else blocked.remove();
    setText(requests, number(one.usage.requests));
    setText(tokens, number(one.usage.total_tokens));
    setText(inFlight, number(one.in_flight));
    setText(joined, one.joined_at ? dateTime(one.joined_at, zone, JOINED) : t.notJoinedYet);
    const own = ownLimits(one);
    setText(limits, own.length > 2 ? t.customLimits(own.length) : own.length ? t.customLimitNames(own.join(", ").replaceAll("_", " ")) : t.eventDefault);
    const place = document.activeElement ? [...buttons.children].indexOf(document.activeElement) : -1;
    const shown = [one.blocked ? unblock : block, details];
    syncChildren(buttons, shown);
    // Keyboard users continue at the button that replaced theirs.
    if (place >= 0 && !buttons.contains(document.activeElement)) (shown[place] ?? shown.at(-1))?.focus();
    return element;
  }
  return { show };
}
