// @ts-check
// What an event used by session: the conversations and runs that clients named.

/** @import { SessionRow } from "../types.d.ts" */

import { h, number } from "./dom.js";
import { lazySection, table } from "./lazy-section.js";
import { readSessions } from "./organiser-api.js";

/** How many pages are read. The command line and the API have all. */
const MOST_PAGES = 5;

/**
 * The sessions of an event, those with the most tokens first.
 *
 * @param {string} id
 */
export function sessionsView(id) {
  return lazySection("sessions", "Sessions", async () => {
    /** @type {SessionRow[]} */
    const all = [];
    /** @type {string | null} */
    let cursor = null;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { rows, next } = await readSessions(id, cursor);
      all.push(...rows);
      cursor = next;
      if (!cursor) break;
    }
    if (!all.length) return [h("p.muted", {}, "No sessions yet. A client names one with the header x-session-id.")];
    all.sort((a, b) => b.total_tokens - a.total_tokens);
    return [
      cursor ? h("p.muted", {}, `The first ${number(all.length)} sessions. \`lanyard usage --by session\` has all.`) : null,
      table("Usage by session", ["Session", "Attendee", "Requests", "Tokens"], all.map((row) =>
        [h("code", {}, row.session), row.user, number(row.requests), number(row.total_tokens)])),
    ];
  }).element;
}
