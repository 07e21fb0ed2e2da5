// @ts-check
// What an event used by session: the conversations and runs that clients named.

/** @import { SessionRow } from "../types.d.ts" */

import { coded, h } from "./dom.js";
import { lazySection, table } from "./lazy-section.js";
import { number } from "./locale.js";
import { readSessions } from "./organiser-api.js";
import * as t from "./texts.js";

/** How many pages are read. The command line and the API have all. */
const MOST_PAGES = 5;

/**
 * The sessions of an event, those with the most tokens first.
 *
 * @param {string} id
 */
export function sessionsView(id) {
  return lazySection("sessions", t.sessions, async () => {
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
    if (!all.length) return [h("p.muted", {}, t.noSessionsYetA)];
    all.sort((a, b) => b.total_tokens - a.total_tokens);
    return [
      cursor ? h("p.muted", {}, coded(t.theFirstSessionsLanyard(all.length))) : null,
      table(t.usageBySession, [t.session, t.attendeeHead, t.requests, t.tokensHead], all.map((row) =>
        [h("code", {}, row.session), row.user, number(row.requests), number(row.total_tokens)])),
    ];
  }).element;
}
