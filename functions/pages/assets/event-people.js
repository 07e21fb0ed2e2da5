// Who is at an event: search, block, raise, export; and who changed what.

import { csv } from "./csv.js";
import { download, fill, h, number } from "./dom.js";
import { note } from "./errors.js";
import { attendeePath, call, eventPath, everything } from "./organiser-api.js";

/** By how much a press on "Raise" raises each limit that an attendee has. */
const RAISE = 2;

/** The list of attendees; `show(attendees)` refreshes it, `changed()` is called after a change. */
export function peopleView(id, changed) {
  const trouble = h("div", { "aria-live": "assertive" });
  const body = h("tbody");
  const count = h("p.soft.small", { role: "status" });
  const search = h("input", { type: "search", id: "search", oninput: () => draw(), autocomplete: "off" });
  let all = [];

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const found = all.filter((one) => one.user.includes(wanted));
    count.textContent = `${number(found.length)} of ${number(all.length)}`;
    const focused = document.activeElement?.dataset.act;
    const owner = document.activeElement?.closest("tr")?.dataset.user;
    fill(body, found.map(row));
    // The table is made anew while somebody walks through it by keys.
    if (focused) body.querySelector(`tr[data-user="${CSS.escape(owner ?? "")}"] [data-act="${focused}"]`)?.focus();
  }

  function row(one) {
    const act = (name, label, change, kind = "") => h(`button.small${kind}`, {
      type: "button", "data-act": name, "aria-label": `${label} ${one.user}`, onclick: () => apply(one.user, change()) }, label);
    return h("tr", { "data-user": one.user },
      h("th", { scope: "row" }, one.user, one.blocked ? h("span.badge.bad", {}, " blocked") : null),
      h("td.number", {}, number(one.usage.requests)),
      h("td.number", {}, number(one.usage.total_tokens)),
      h("td.number", {}, number(one.in_flight)),
      h("td", {}, one.joined_at ? new Date(one.joined_at).toLocaleString("en-GB") : "not yet"),
      h("td", {}, one.own_limits.length ? `own: ${one.own_limits.join(", ").replaceAll("_", " ")}` : "the event's"),
      h("td", {}, h("span.row", {},
        one.blocked ? act("unblock", "Unblock", () => ({ blocked: false })) : act("block", "Block", () => ({ blocked: true }), ".grave"),
        act("raise", "Double", () => ({ allowance: raised(one.allowance) })),
        one.own_limits.length ? act("reset", "Reset", () => ({ allowance: null })) : null)));
  }

  async function apply(user, change) {
    try {
      const after = await call("PATCH", attendeePath(id, user), change);
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

  const heads = [["Name"], ["Requests", true], ["Tokens", true], ["Under way", true], ["Joined"], ["Limits"], ["Actions"]];
  const element = h("section.card", { "aria-labelledby": "people-title" },
    h("h2", { id: "people-title" }, "Attendees"), trouble,
    h("div.row.people", {}, h("label", { for: "search" }, "Search"), search,
      h("button", { type: "button", id: "export", onclick: save }, "Export CSV"), count),
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Table of attendees" }, h("table", {},
      h("thead", {}, h("tr", {}, heads.map(([head, isNumber]) => h(isNumber ? "th.number" : "th", { scope: "col" }, head)))), body)));
  return { element, show: (attendees) => { all = attendees; draw(); } };
}

/** Twice what is allowed now, of whatever has a limit. */
export function raised(allowance) {
  const limited = Object.entries(allowance).filter(([, value]) => value !== null);
  return Object.fromEntries(limited.map(([name, value]) => [name, value * RAISE]));
}

/** Who changed what, the newest first. */
export function auditView(id) {
  const place = h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Changes" });
  const words = (value) => (value === null ? "nothing" : typeof value === "object" ? JSON.stringify(value) : String(value));
  const change = (each) => h("li", {}, each.field.replaceAll("_", " "), " from ", h("code", {}, words(each.from)), " to ", h("code", {}, words(each.to)));
  const row = (entry) => h("tr", {},
    h("td", {}, new Date(entry.at).toLocaleString("en-GB")),
    h("td", {}, entry.action.replaceAll("_", " "), entry.attendee ? `: ${entry.attendee}` : ""),
    h("td", {}, entry.by),
    h("td", {}, entry.action === "create" || entry.changes.length > 6
      ? h("details", {}, h("summary", {}, `${entry.changes.length} fields`), h("ul.changes", {}, entry.changes.map(change)))
      : h("ul.changes", {}, entry.changes.map(change))));

  async function refresh() {
    try {
      const entries = await everything(eventPath(id, "/audit"), "audit");
      fill(place, h("table", { id: "audit" },
        h("thead", {}, h("tr", {}, ["When", "What", "Who", "Changes"].map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, entries.map(row))));
    } catch (fault) {
      fill(place, note(fault, refresh));
    }
  }
  return { element: h("section.card", {}, h("h2", {}, "Who changed what"), place), refresh };
}
