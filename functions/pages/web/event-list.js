// @ts-check
// The list of events with their usage, and a search.

/** @import { OrganiserEvent } from "../types.d.ts" */

import { fill, h } from "./dom.js";
import { number } from "./locale.js";
import { readUsage } from "./organiser-api.js";
import { eventState, windowLines } from "./time.js";
import * as t from "./texts.js";

/** For how many events the usage is read at once. */
const AT_ONCE = 4;

/** @param {OrganiserEvent[]} events */
export function eventList(events) {
  if (!events.length) {
    return h("section.card", {}, h("h1", {}, t.eventsTitle), h("p", {}, t.noEventsYet),
      h("a.button", { href: "#new" }, t.createEvent));
  }
  const rows = events.map((event) => {
    const { text, tone } = eventState(event);
    const cell = (/** @type {string} */ unit) => h("td.number", { "data-unit": unit }, "…");
    const [requests, tokens, errors] = [cell(t.requests), cell(t.tokensHead), cell(t.errors)];
    const element = h("tr", { "data-event": event.id },
      h("th", { scope: "row" }, h("a", { href: `#event=${event.id}` }, event.name)),
      h("td", {}, h(`span.badge.${tone}`, {}, text)),
      h("td.mono", {}, event.code),
      h("td", {}, windowLines(event)[0] ?? ""),
      requests, tokens, errors);
    const words = `${event.name} ${event.code} ${event.contact.name ?? ""}`.toLowerCase();
    return { event, element, requests, tokens, errors, words };
  });
  const body = h("tbody", {}, rows.map(({ element }) => element));
  const none = h("p.muted", { hidden: true }, t.noEventMatches);
  const search = h("input", { type: "search", id: "event-search", autocomplete: "off", oninput: filter });

  function filter() {
    const query = search.value.trim().toLowerCase();
    for (const { element, words } of rows) element.hidden = !words.includes(query);
    none.hidden = rows.some(({ element }) => !element.hidden);
  }

  /** Reads the usage of each event, some at a time. */
  async function readAll() {
    const waiting = [...rows];
    const next = async () => {
      for (let row = waiting.shift(); row; row = waiting.shift()) {
        try {
          const { total, rows: hours } = await readUsage(row.event.id, "hour");
          const failed = hours.flatMap((hour) => Object.values(hour.errors)).reduce((sum, times) => sum + times, 0);
          fill(row.requests, number(total.requests));
          fill(row.tokens, number(total.total_tokens));
          fill(row.errors, number(failed));
        } catch {
          for (const cell of [row.requests, row.tokens, row.errors]) fill(cell, "–");
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }
  readAll();

  const headers = [t.nameLabel, t.status, t.code, t.time, t.requests, t.tokensHead, t.errors];
  return h("section.card", {},
    h("div.row.spread", {}, h("h1", {}, t.eventsTitle), h("a.button", { href: "#new" }, t.newEvent)),
    h("div.row.attendees", {}, h("label", { for: "event-search" }, t.search), search),
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": t.eventsTable }, h("table.stacked", {},
      h("thead", {}, h("tr", {}, headers.map((head, index) => h(index > 3 ? "th.number" : "th", { scope: "col" }, head)))),
      body)), none);
}
