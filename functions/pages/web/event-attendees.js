// @ts-check
// The attendees of an event: a sorted table with search, filter and pages, actions for one or many, and an export.

/** @import { Attendee, AttendeeChange, OrganiserEvent } from "../types.d.ts" */

import { doubled, openDrawer } from "./attendee-drawer.js";
import { listed } from "./attendee-list.js";
import { csv } from "./csv.js";
import { download, fill, h, number, setText, syncChildren } from "./dom.js";
import { errorNote } from "./errors.js";
import { ask, options } from "./form.js";
import { changeAttendee } from "./organiser-api.js";

/** @typedef {import("./attendee-list.js").Choice} Choice */
/** @typedef {import("./attendee-list.js").Column} Column */
/** @typedef {import("./attendee-list.js").Filter} Filter */

/** @type {[Column | null, string, boolean][]} */
const COLUMNS = [["user", "Name", false], ["requests", "Requests", true], ["tokens", "Tokens", true], ["in_flight", "In progress", true],
  ["joined", "Joined", false], [null, "Limits", false], [null, "Actions", false]];

/** The seconds are in the details. */
const JOINED = /** @type {const} */ ({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

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
  const search = h("input", { type: "search", id: "search", oninput: () => choose({ search: search.value }), autocomplete: "off" });
  const filter = h("select", { id: "filter", "aria-label": "Filter", onchange: () => choose({ filter: /** @type {Filter} */ (filter.value) }) },
    options([["all", "All"], ["used", "Sent requests"], ["unused", "Sent nothing"], ["blocked", "Blocked"], ["custom", "Own limits"]]));
  const pages = h("div.row");
  const bulk = h("div.row.bulk", { hidden: true });
  const selectAll = h("input", { type: "checkbox", "aria-label": "Select all that are found", id: "select-all", onchange: selectFound });
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
    setText(count, `${number(found.length)} of ${number(all.length)}`);
    COLUMNS.forEach(([column], index) => {
      if (column === choice.column) heads[index]?.setAttribute("aria-sort", choice.isDescending ? "descending" : "ascending");
      else heads[index]?.removeAttribute("aria-sort");
    });
    syncChildren(body, list.shown.map((one) => {
      const row = rows.get(one.user) ?? attendeeRow(one.user, { apply, open, select });
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
    fill(pages, total > 1 ? [step("Previous", page - 1), h("span.small", { id: "page" }, `Page ${page + 1} of ${total}`), step("Next", page + 1)] : []);
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
    fill(bulk, h("strong", {}, `${number(selected.size)} selected`),
      many("Block", () => ({ blocked: true }), ".danger"), many("Unblock", () => ({ blocked: false })),
      many("Double all limits", ({ allowance }) => ({ allowance: doubled(allowance) })), many("Reset limits", () => ({ allowance: null })),
      h("button.small", { type: "button", onclick: () => { selected.clear(); draw(); } }, "Clear selection"));
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
        : h("p.note", { role: "status" }, `${user} is ${change.blocked ? "blocked" : "unblocked"}. `, h("button.small", { type: "button", id: "undo", onclick: () => apply(user, { blocked: !change.blocked }) }, "Undo"));
      fill(errors, undo);
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
    if (!(await ask(`${label}: ${number(chosen.length)} ${chosen.length === 1 ? "attendee" : "attendees"}?`, { yes: label }))) return;
    let done = 0;
    try {
      for (const one of chosen) {
        replace(await changeAttendee(event.id, one.user, change(one)));
        done += 1;
        fill(errors, h("p.note", { role: "status" }, `${label}: ${number(done)} of ${number(chosen.length)}`));
      }
      selected.clear();
      draw();
    } catch (error) {
      fill(errors, errorNote(error), h("p", {}, `${number(done)} of ${number(chosen.length)} were changed.`));
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
    h("h2", { id: "attendees-title" }, "Attendees"), errors,
    h("div.row.attendees", {}, h("label", { for: "search" }, "Search"), search, filter,
      h("button.small", { type: "button", id: "export", onclick: exportCsv }, "Export CSV"), count),
    bulk,
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Attendees table" }, h("table", {},
      h("thead", {}, h("tr", {}, h("td", {}, selectAll), heads)), body)),
    pages);
  return { element, show: (/** @type {Attendee[]} */ attendees) => { all = attendees; draw(); } };
}

/**
 * The row of one attendee. Updates change the row in place, so that neither a click nor the focus is lost.
 *
 * @param {string} user
 * @param {{ apply: (user: string, change: AttendeeChange) => void, open: (user: string) => void, select: (user: string, isSelected: boolean) => void }} actions
 */
function attendeeRow(user, { apply, open, select }) {
  /**
   * @param {string} name
   * @param {string} label
   * @param {() => void} onclick
   */
  const button = (name, label, onclick, kind = "") => h(`button.small${kind}`, { type: "button", "data-action": name, "aria-label": `${label}: ${user}`, onclick }, label);
  const block = button("block", "Block", () => apply(user, { blocked: true }), ".danger");
  const unblock = button("unblock", "Unblock", () => apply(user, { blocked: false }));
  const details = button("details", "Details", () => open(user));
  const box = h("input", { type: "checkbox", "aria-label": `Select ${user}`, onchange: () => select(user, box.checked) });
  const name = h("th", { scope: "row" }, user);
  const blocked = h("span.badge.bad", {}, " blocked");
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
    setText(joined, one.joined_at ? new Date(one.joined_at).toLocaleString("en-GB", JOINED) : "not yet");
    setText(limits, one.own_limits.length > 2 ? `${one.own_limits.length} custom limits` : one.own_limits.length ? `custom: ${one.own_limits.join(", ").replaceAll("_", " ")}` : "event default");
    const place = document.activeElement ? [...buttons.children].indexOf(document.activeElement) : -1;
    const shown = [one.blocked ? unblock : block, details];
    syncChildren(buttons, shown);
    // Keyboard users continue at the button that replaced theirs.
    if (place >= 0 && !buttons.contains(document.activeElement)) (shown[place] ?? shown.at(-1))?.focus();
    return element;
  }
  return { show };
}
