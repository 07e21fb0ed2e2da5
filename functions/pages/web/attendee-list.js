// @ts-check
// Which attendees a table shows: those that a search and a filter find, sorted, one page of them.

/** @import { Attendee } from "../types.d.ts" */

import { ownLimits } from "./limits.js";

export const PAGE_SIZE = 50;

/** @typedef {"user" | "requests" | "tokens" | "in_flight" | "joined"} Column */
/** @typedef {"all" | "used" | "unused" | "blocked" | "custom"} Filter */
/** @typedef {{ search: string, filter: Filter, column: Column, isDescending: boolean, page: number }} Choice */

/** @type {Record<Filter, (attendee: Attendee) => boolean>} */
const FILTERS = {
  all: () => true,
  used: ({ usage }) => usage.requests > 0,
  unused: ({ usage }) => usage.requests === 0,
  blocked: ({ blocked }) => blocked,
  custom: (attendee) => ownLimits(attendee).length > 0,
};

/** @type {Record<Column, (attendee: Attendee) => string | number>} */
const VALUES = {
  user: ({ user }) => user,
  requests: ({ usage }) => usage.requests,
  tokens: ({ usage }) => usage.total_tokens,
  in_flight: (attendee) => attendee.in_flight,
  joined: ({ joined_at: at }) => (at ? Date.parse(at) : 0),
};

/**
 * The attendees that are found, and those of the chosen page.
 *
 * @param {Attendee[]} all
 * @param {Choice} choice
 */
export function listed(all, { search, filter, column, isDescending, page }) {
  const query = search.trim().toLowerCase();
  const value = VALUES[column];
  const found = all.filter((one) => one.user.toLowerCase().includes(query) && FILTERS[filter](one))
    .map((one) => ({ one, value: value(one) }))
    // Equal values keep the order of names, in which the API lists them.
    .sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0) * (isDescending ? -1 : 1))
    .map(({ one }) => one);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  const shownPage = Math.min(page, pages - 1);
  return { found, pages, page: shownPage, shown: found.slice(shownPage * PAGE_SIZE, (shownPage + 1) * PAGE_SIZE) };
}
