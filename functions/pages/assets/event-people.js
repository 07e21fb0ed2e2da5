// @ts-check
// Who is at an event: search, block, raise, export; and who changed what.

/** @import { Attendee, AttendeeChange, AuditChange, AuditEntry, Limits } from "../types.d.ts" */

import { csv } from "./csv.js";
import { arrange, download, fill, h, number, say } from "./dom.js";
import { note } from "./errors.js";
import { auditOf, changeAttendee } from "./organiser-api.js";

/** By how much a press on "Raise" raises each limit that an attendee has. */
const RAISE = 2;

/**
 * The list of attendees; `show(attendees)` refreshes it, `changed()` is called after a change.
 *
 * @param {string} id
 * @param {() => void} changed
 */
export function peopleView(id, changed) {
  const trouble = h("div", { "aria-live": "assertive" });
  const body = h("tbody");
  const count = h("p.soft.small", { role: "status" });
  const search = h("input", { type: "search", id: "search", oninput: () => draw(), autocomplete: "off" });
  /** @type {Map<string, ReturnType<typeof attendeeRow>>} */
  const rows = new Map();
  /** @type {Attendee[]} */
  let all = [];

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const found = all.filter((one) => one.user.includes(wanted));
    say(count, `${number(found.length)} of ${number(all.length)}`);
    arrange(body, found.map((one) => {
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
      fill(trouble);
      draw();
      changed();
    } catch (fault) {
      fill(trouble, note(fault));
    }
  }

  function save() {
    const columns = ["user", "requests", "prompt_tokens", "completion_tokens", "total_tokens", "joined_at", "blocked"];
    const rows = all.map((one) => [one.user, one.usage.requests, one.usage.prompt_tokens, one.usage.completion_tokens,
      one.usage.total_tokens, one.joined_at, one.blocked ? "yes" : "no"]);
    download(`attendees-${id}.csv`, "text/csv;charset=utf-8", csv(columns, rows));
  }

  /** @type {[string, boolean?][]} */
  const heads = [["Name"], ["Requests", true], ["Tokens", true], ["In progress", true], ["Joined"], ["Limits"], ["Actions"]];
  const element = h("section.card", { "aria-labelledby": "people-title" },
    h("h2", { id: "people-title" }, "Attendees"), trouble,
    h("div.row.people", {}, h("label", { for: "search" }, "Search"), search,
      h("button", { type: "button", id: "export", onclick: save }, "Export CSV"), count),
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Attendees" }, h("table", {},
      h("thead", {}, h("tr", {}, heads.map(([head, isNumber]) => h(isNumber ? "th.number" : "th", { scope: "col" }, head)))), body)));
  return { element, show: (/** @type {Attendee[]} */ attendees) => { all = attendees; draw(); } };
}

/**
 * The row of one attendee, which stays as long as the table does: what has changed of them changes within, so that neither
 * a press that has begun nor the focus is lost to the news. `apply(user, change)` is called on a press.
 *
 * @param {string} user
 * @param {(user: string, change: AttendeeChange) => void} apply
 */
function attendeeRow(user, apply) {
  /** @type {Limits} */
  let allowance = {};
  const act = (/** @type {string} */ name, /** @type {string} */ label, /** @type {() => AttendeeChange} */ change, kind = "") => h(`button.small${kind}`, {
    type: "button", "data-act": name, "aria-label": `${label}: ${user}`, onclick: () => apply(user, change()) }, label);
  const block = act("block", "Block", () => ({ blocked: true }), ".grave");
  const unblock = act("unblock", "Unblock", () => ({ blocked: false }));
  const raise = act("raise", "Double all limits…", () => ({ allowance: raised(allowance) }));
  const reset = act("reset", "Reset limits", () => ({ allowance: null }));
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
    say(requests, number(one.usage.requests));
    say(tokens, number(one.usage.total_tokens));
    say(inFlight, number(one.in_flight));
    say(joined, one.joined_at ? new Date(one.joined_at).toLocaleString("en-GB") : "not yet");
    say(limits, one.own_limits.length ? `custom: ${one.own_limits.join(", ").replaceAll("_", " ")}` : "event default");
    const place = document.activeElement ? [...actions.children].indexOf(document.activeElement) : -1;
    const shown = [one.blocked ? unblock : block, raise, ...(one.own_limits.length ? [reset] : [])];
    arrange(actions, shown);
    // Whoever walks by keys goes on from what came in place of their button.
    if (place >= 0 && !actions.contains(document.activeElement)) (shown[place] ?? shown.at(-1))?.focus();
    return element;
  }
  return { show };
}

/**
 * Twice what is allowed now, of whatever has a limit.
 *
 * @param {Limits} allowance
 */
function raised(allowance) {
  return Object.fromEntries(Object.entries(allowance).flatMap(([name, value]) => (value === null ? [] : [[name, value * RAISE]])));
}

/**
 * Who changed what, the newest first.
 *
 * @param {string} id
 */
export function auditView(id) {
  const place = h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Audit log" });
  const words = (/** @type {unknown} */ value) => (value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value));
  const change = (/** @type {AuditChange} */ each) => h("li", {}, each.field.replaceAll("_", " "), " from ", h("code", {}, words(each.from)), " to ", h("code", {}, words(each.to)));
  const row = (/** @type {AuditEntry} */ entry) => h("tr", {},
    h("td", {}, new Date(entry.at).toLocaleString("en-GB")),
    h("td", {}, entry.action.replaceAll("_", " "), entry.attendee ? `: ${entry.attendee}` : ""),
    h("td", {}, entry.by),
    h("td", {}, entry.action === "create" || entry.changes.length > 6
      ? h("details", {}, h("summary", {}, `${entry.changes.length} fields`), h("ul.changes", {}, entry.changes.map(change)))
      : h("ul.changes", {}, entry.changes.map(change))));

  async function refresh() {
    try {
      const entries = await auditOf(id);
      fill(place, h("table", { id: "audit" },
        h("thead", {}, h("tr", {}, ["Time", "Action", "Organiser", "Changes"].map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, entries.map(row))));
    } catch (fault) {
      fill(place, note(fault, refresh));
    }
  }
  return { element: h("section.card", {}, h("h2", {}, "Audit log"), place), refresh };
}
