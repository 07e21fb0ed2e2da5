// @ts-check
// The attendees of an event, with search, actions and export, and the audit log.

/** @import { Attendee, AttendeeChange, AuditChange, AuditEntry, Limits } from "../types.d.ts" */

import { csv } from "./csv.js";
import { syncChildren, download, fill, h, number, setText } from "./dom.js";
import { errorNote } from "./errors.js";
import { listAudit, changeAttendee } from "./organiser-api.js";

/** Factor of "Double all limits". */
const FACTOR = 2;

/**
 * The list of attendees; `show(attendees)` refreshes it, `changed()` is called after a change.
 *
 * @param {string} id
 * @param {() => void} changed
 */
export function attendeesView(id, changed) {
  const errors = h("div", { "aria-live": "assertive" });
  const body = h("tbody");
  const count = h("p.muted.small", { role: "status" });
  const search = h("input", { type: "search", id: "search", oninput: () => draw(), autocomplete: "off" });
  /** @type {Map<string, ReturnType<typeof attendeeRow>>} */
  const rows = new Map();
  /** @type {Attendee[]} */
  let all = [];

  function draw() {
    const query = search.value.trim().toLowerCase();
    const found = all.filter((one) => one.user.includes(query));
    setText(count, `${number(found.length)} of ${number(all.length)}`);
    syncChildren(body, found.map((one) => {
      const row = rows.get(one.user) ?? attendeeRow(one.user, apply);
      rows.set(one.user, row);
      return row.show(one);
    }));
  }

  /**
   * @param {string} user
   * @param {AttendeeChange} change
   */
  async function apply(user, change) {
    try {
      const after = await changeAttendee(id, user, change);
      all = all.map((one) => (one.user === user ? after : one));
      fill(errors);
      draw();
      changed();
    } catch (error) {
      fill(errors, errorNote(error));
    }
  }

  function exportCsv() {
    const columns = ["user", "requests", "prompt_tokens", "completion_tokens", "total_tokens", "joined_at", "blocked"];
    const rows = all.map((one) => [one.user, one.usage.requests, one.usage.prompt_tokens, one.usage.completion_tokens,
      one.usage.total_tokens, one.joined_at, one.blocked ? "yes" : "no"]);
    download(`attendees-${id}.csv`, "text/csv;charset=utf-8", csv(columns, rows));
  }

  /** @type {[string, boolean?][]} */
  const headers = [["Name"], ["Requests", true], ["Tokens", true], ["In progress", true], ["Joined"], ["Limits"], ["Actions"]];
  const element = h("section.card", { "aria-labelledby": "attendees-title" },
    h("h2", { id: "attendees-title" }, "Attendees"), errors,
    h("div.row.attendees", {}, h("label", { for: "search" }, "Search"), search,
      h("button", { type: "button", id: "export", onclick: exportCsv }, "Export CSV"), count),
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Attendees table" }, h("table", {},
      h("thead", {}, h("tr", {}, headers.map(([head, isNumber]) => h(isNumber ? "th.number" : "th", { scope: "col" }, head)))), body)));
  return { element, show: (/** @type {Attendee[]} */ attendees) => { all = attendees; draw(); } };
}

/**
 * The row of one attendee. Updates change the row in place, so that neither a click nor the focus is lost.
 * `apply(user, change)` is called on a click.
 *
 * @param {string} user
 * @param {(user: string, change: AttendeeChange) => void} apply
 */
function attendeeRow(user, apply) {
  /** @type {Limits} */
  let allowance = {};
  /**
   * @param {string} name
   * @param {string} label
   * @param {() => AttendeeChange} change
   * @param {{ kind?: string, question?: string }} options
   */
  const actionButton = (name, label, change, { kind = "", question } = {}) => h(`button.small${kind}`, {
    type: "button", "data-action": name, "aria-label": `${label}: ${user}`,
    onclick: () => { if (!question || confirm(question)) apply(user, change()); },
  }, label);
  const block = actionButton("block", "Block", () => ({ blocked: true }), { kind: ".danger" });
  const unblock = actionButton("unblock", "Unblock", () => ({ blocked: false }));
  const raise = actionButton("raise", "Double all limits…", () => ({ allowance: doubled(allowance) }), { question: `Double all limits of ${user}?` });
  const reset = actionButton("reset", "Reset limits", () => ({ allowance: null }));
  const name = h("th", { scope: "row" }, user);
  const blocked = h("span.badge.bad", {}, " blocked");
  const [requests, tokens, inFlight] = [h("td.number"), h("td.number"), h("td.number")];
  const [joined, limits, actions] = [h("td"), h("td"), h("span.row")];
  const element = h("tr", { "data-user": user }, name, requests, tokens, inFlight, joined, limits, h("td", {}, actions));

  /** @param {Attendee} one */
  function show(one) {
    allowance = one.allowance;
    if (one.blocked) name.append(blocked);
    else blocked.remove();
    setText(requests, number(one.usage.requests));
    setText(tokens, number(one.usage.total_tokens));
    setText(inFlight, number(one.in_flight));
    setText(joined, one.joined_at ? new Date(one.joined_at).toLocaleString("en-GB") : "not yet");
    setText(limits, one.own_limits.length ? `custom: ${one.own_limits.join(", ").replaceAll("_", " ")}` : "event default");
    const place = document.activeElement ? [...actions.children].indexOf(document.activeElement) : -1;
    const shown = [one.blocked ? unblock : block, raise, ...(one.own_limits.length ? [reset] : [])];
    syncChildren(actions, shown);
    // Keyboard users continue at the button that replaced theirs.
    if (place >= 0 && !actions.contains(document.activeElement)) (shown[place] ?? shown.at(-1))?.focus();
    return element;
  }
  return { show };
}

/**
 * All limits doubled.
 *
 * @param {Limits} allowance
 */
function doubled(allowance) {
  return Object.fromEntries(Object.entries(allowance).flatMap(([name, value]) => (value === null ? [] : [[name, value * FACTOR]])));
}

/**
 * The audit log, newest first.
 *
 * @param {string} id
 */
export function auditView(id) {
  const place = h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Audit log table" });
  const valueText = (/** @type {unknown} */ value) => (value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value));
  const change = (/** @type {AuditChange} */ each) => h("li", {}, each.field.replaceAll("_", " "), " from ", h("code", {}, valueText(each.from)), " to ", h("code", {}, valueText(each.to)));
  const row = (/** @type {AuditEntry} */ entry) => h("tr", {},
    h("td", {}, new Date(entry.at).toLocaleString("en-GB")),
    h("td", {}, entry.action.replaceAll("_", " "), entry.attendee ? `: ${entry.attendee}` : ""),
    h("td", {}, entry.by),
    h("td", {}, entry.action === "create" || entry.changes.length > 6
      ? h("details", {}, h("summary", {}, `${entry.changes.length} fields`), h("ul.changes", {}, entry.changes.map(change)))
      : h("ul.changes", {}, entry.changes.map(change))));

  async function refresh() {
    try {
      const entries = await listAudit(id);
      fill(place, h("table", { id: "audit" },
        h("thead", {}, h("tr", {}, ["Time", "Action", "Organiser", "Changes"].map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, entries.map(row))));
    } catch (error) {
      fill(place, errorNote(error, refresh));
    }
  }
  return { element: h("section.card", {}, h("h2", {}, "Audit log"), place), refresh };
}
