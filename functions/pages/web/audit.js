// @ts-check
// The audit log of an event.

/** @import { AuditChange, AuditEntry, OrganiserEvent } from "../types.d.ts" */

import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { dateTime } from "./locale.js";
import { listAudit } from "./organiser-api.js";
import * as t from "./texts.js";

/**
 * The audit log, newest first.
 *
 * @param {OrganiserEvent} event
 */
export function auditView({ id, time_zone: zone }) {
  const place = h("div.scroll", { tabindex: "0", role: "region", "aria-label": t.auditLogTable });
  const valueText = (/** @type {unknown} */ value) => (value === null ? t.none : typeof value === "object" ? JSON.stringify(value) : String(value));
  const change = (/** @type {AuditChange} */ each) => h("li", {}, each.field.replaceAll("_", " "), t.fromValue, h("code", {}, valueText(each.from)), t.toValue, h("code", {}, valueText(each.to)));
  const row = (/** @type {AuditEntry} */ entry) => h("tr", {},
    h("td", {}, dateTime(entry.at, zone)),
    h("td", {}, entry.action.replaceAll("_", " "), entry.attendee ? `: ${entry.attendee}` : ""),
    h("td", {}, entry.by),
    h("td", {}, entry.action === "create" || entry.changes.length > 6
      ? h("details", {}, h("summary", {}, t.fields(entry.changes.length)), h("ul.changes", {}, entry.changes.map(change)))
      : h("ul.changes", {}, entry.changes.map(change))));

  async function refresh() {
    try {
      const entries = await listAudit(id);
      fill(place, h("table", { id: "audit" },
        h("thead", {}, h("tr", {}, [t.time, t.action, t.organiser, t.changes].map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, entries.map(row))));
    } catch (error) {
      fill(place, errorNote(error, refresh));
    }
  }
  return { element: h("section.card", {}, h("h2", {}, t.auditLog), place), refresh };
}
