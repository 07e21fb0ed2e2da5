// The organisers' API. The token stays in this tab's session and travels in a header alone.

import { BASE, send } from "./api.js";

const KEPT = "lanyard.organiser";
const PAGE = 100;

/** The token of this tab, or null. */
export function token() {
  return sessionStorage.getItem(KEPT);
}

/** Remembers a token for this tab, or forgets it. */
export function remember(text) {
  if (text) sessionStorage.setItem(KEPT, text);
  else sessionStorage.removeItem(KEPT);
}

/** Calls the API and gives the JSON that it answers. */
export async function call(method, path, body) {
  const headers = { authorization: `Bearer ${token()}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await send(`/admin${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  return answer.json();
}

/** Every item of a list that comes in pages. */
export async function everything(path, name) {
  const items = [];
  for (let cursor = null; ;) {
    const query = new URLSearchParams({ limit: PAGE, ...(cursor ? { cursor } : {}) });
    const page = await call("GET", `${path}?${query}`);
    items.push(...page[name]);
    cursor = page.next;
    if (!cursor) return items;
  }
}

/** The path of an event. */
export function eventPath(id, rest = "") {
  return `/events/${encodeURIComponent(id)}${rest}`;
}

/** The path of an attendee. */
export function attendeePath(id, user) {
  return eventPath(id, `/attendees/${encodeURIComponent(user)}`);
}

/** The attendees' page with the event's code, which no server sees. */
export function pageOf(event) {
  return `${BASE}/pages#${new URLSearchParams({ code: event.code, event: event.id })}`;
}
