// @ts-check
// The organisers' API. The token stays in this tab's session and travels in a header alone.

/** @import { Attendee, AttendeeChange, AuditEntry, EventFields, OrganiserEvent, RosterSaved, UsageReport } from "../types.d.ts" */

import { BASE, send } from "./api.js";

const KEPT = "lanyard.organiser";
const PAGE = 100;

/** The token of this tab, or null. */
export function token() {
  return sessionStorage.getItem(KEPT);
}

/**
 * Remembers a token for this tab, or forgets it.
 *
 * @param {string | null} text
 */
export function remember(text) {
  if (text) sessionStorage.setItem(KEPT, text);
  else sessionStorage.removeItem(KEPT);
}

/**
 * Every event, the newest first.
 *
 * @returns {Promise<OrganiserEvent[]>}
 */
export function allEvents() {
  return everything("/events", "events");
}

/**
 * @param {string} id
 * @returns {Promise<OrganiserEvent>}
 */
export async function readEvent(id) {
  return (await call("GET", eventPath(id))).json();
}

/**
 * @param {EventFields} fields
 * @returns {Promise<OrganiserEvent>}
 */
export async function createEvent(fields) {
  return (await call("POST", "/events", fields)).json();
}

/**
 * @param {string} id
 * @param {EventFields} fields
 * @returns {Promise<OrganiserEvent>}
 */
export async function changeEvent(id, fields) {
  return (await call("PATCH", eventPath(id), fields)).json();
}

/**
 * Pauses, resumes or ends an event, or gives it another code.
 *
 * @param {string} id
 * @param {string} step
 * @param {object} body
 * @returns {Promise<OrganiserEvent>}
 */
export async function takeStep(id, step, body) {
  return (await call("POST", eventPath(id, `/${step}`), body)).json();
}

/**
 * @param {string} id
 * @param {"hour" | "model"} by
 * @returns {Promise<UsageReport>}
 */
export async function usageBy(id, by) {
  return (await call("GET", eventPath(id, `/usage?by=${by}`))).json();
}

/**
 * Every attendee of an event.
 *
 * @param {string} id
 * @returns {Promise<Attendee[]>}
 */
export function attendeesOf(id) {
  return everything(eventPath(id, "/attendees"), "attendees");
}

/**
 * @param {string} id
 * @param {string} user
 * @param {AttendeeChange} change
 * @returns {Promise<Attendee>}
 */
export async function changeAttendee(id, user, change) {
  return (await call("PATCH", eventPath(id, `/attendees/${encodeURIComponent(user)}`), change)).json();
}

/**
 * Every change to an event, the newest first.
 *
 * @param {string} id
 * @returns {Promise<AuditEntry[]>}
 */
export function auditOf(id) {
  return everything(eventPath(id, "/audit"), "audit");
}

/**
 * Everybody on an event's roster.
 *
 * @param {string} id
 * @returns {Promise<{ user: string }[]>}
 */
export function rosterOf(id) {
  return everything(eventPath(id, "/roster"), "users");
}

/**
 * Puts these users, and nobody else, on an event's roster.
 *
 * @param {string} id
 * @param {string[]} users
 * @returns {Promise<RosterSaved>}
 */
export async function saveRoster(id, users) {
  return (await call("PUT", eventPath(id, "/roster"), { users })).json();
}

/**
 * The attendees' page with the event's code, which no server sees.
 *
 * @param {OrganiserEvent} event
 */
export function pageOf(event) {
  return `${BASE}/pages#${new URLSearchParams({ code: event.code, event: event.id })}`;
}

/**
 * @param {"GET" | "POST" | "PUT" | "PATCH"} method
 * @param {string} path
 * @param {object} [body]
 */
function call(method, path, body) {
  const headers = new Headers({ authorization: `Bearer ${token()}` });
  if (body) headers.set("content-type", "application/json");
  return send(`/admin${path}`, { method, headers, body: body && JSON.stringify(body) });
}

/**
 * Every item of a list that comes in pages.
 *
 * @template T
 * @param {string} path
 * @param {string} name
 * @returns {Promise<T[]>}
 */
async function everything(path, name) {
  /** @type {T[]} */
  const items = [];
  for (let cursor = null; ;) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor ? { cursor } : {}) });
    const page = await (await call("GET", `${path}?${query}`)).json();
    items.push(...page[name]);
    cursor = page.next;
    if (!cursor) return items;
  }
}

/** @param {string} id */
function eventPath(id, rest = "") {
  return `/events/${encodeURIComponent(id)}${rest}`;
}
