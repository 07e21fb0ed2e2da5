// @ts-check
// The organiser API. The token is kept in this tab's session and sent only in a header.

/** @import { Attendee, AttendeeChange, AuditEntry, EventFields, OrganiserEvent, RosterSaved, UsageReport } from "../types.d.ts" */

import { BASE, send } from "./api.js";

const STORAGE_KEY = "lanyard.organiser";
const PAGE_SIZE = 100;

/** This tab's token, or null. */
export function token() {
  return sessionStorage.getItem(STORAGE_KEY);
}

/**
 * Stores a token for this tab, or removes it.
 *
 * @param {string | null} value
 */
export function setToken(value) {
  if (value) sessionStorage.setItem(STORAGE_KEY, value);
  else sessionStorage.removeItem(STORAGE_KEY);
}

/**
 * All events.
 *
 * @returns {Promise<OrganiserEvent[]>}
 */
export function listEvents() {
  return listAll("/events", "events");
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
 * Pauses, resumes or ends an event, or rotates its code.
 *
 * @param {string} id
 * @param {string} step
 * @param {object} body
 * @returns {Promise<OrganiserEvent>}
 */
export async function runAction(id, step, body) {
  return (await call("POST", eventPath(id, `/${step}`), body)).json();
}

/**
 * @param {string} id
 * @param {"hour" | "model"} by
 * @returns {Promise<UsageReport>}
 */
export async function readUsage(id, by) {
  return (await call("GET", eventPath(id, `/usage?by=${by}`))).json();
}

/**
 * All attendees of an event.
 *
 * @param {string} id
 * @returns {Promise<Attendee[]>}
 */
export function listAttendees(id) {
  return listAll(eventPath(id, "/attendees"), "attendees");
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
 * The audit log of an event, newest first.
 *
 * @param {string} id
 * @returns {Promise<AuditEntry[]>}
 */
export function listAudit(id) {
  return listAll(eventPath(id, "/audit"), "audit");
}

/**
 * The roster of an event.
 *
 * @param {string} id
 * @returns {Promise<{ user: string }[]>}
 */
export function readRoster(id) {
  return listAll(eventPath(id, "/roster"), "users");
}

/**
 * Replaces the roster of an event.
 *
 * @param {string} id
 * @param {string[]} users
 * @returns {Promise<RosterSaved>}
 */
export async function saveRoster(id, users) {
  return (await call("PUT", eventPath(id, "/roster"), { users })).json();
}

/**
 * The link to the attendee page. The code is in the fragment, which browsers do not send.
 *
 * @param {OrganiserEvent} event
 */
export function attendeePageUrl(event) {
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
 * All items of a paginated list.
 *
 * @template T
 * @param {string} path
 * @param {string} name
 * @returns {Promise<T[]>}
 */
async function listAll(path, name) {
  /** @type {T[]} */
  const items = [];
  for (let cursor = null; ;) {
    const query = new URLSearchParams({ limit: String(PAGE_SIZE), ...(cursor ? { cursor } : {}) });
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
