// @ts-check
// The organiser API. The token is kept in this tab's session and sent only in a header.

/** @import { Attendee, AttendeeChange, AttendeeDetails, AuditEntry, Deployment, DeploymentDraft, EventFields, IssuedToken, OrganiserEvent, OrganiserToken, RatingPage, RosterSaved, SessionRow, UsageReport } from "../types.d.ts" */

import { send } from "./api.js";

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
 * @param {number | null} [since] by model: hours that ended before it are left out
 * @returns {Promise<UsageReport>}
 */
export async function readUsage(id, by, since = null) {
  const part = since === null ? "" : `&since=${encodeURIComponent(new Date(since).toISOString())}`;
  return (await call("GET", eventPath(id, `/usage?by=${by}${part}`))).json();
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
 * One attendee, with the requests that were rejected.
 *
 * @param {string} id
 * @param {string} user
 * @returns {Promise<AttendeeDetails>}
 */
export async function readAttendee(id, user) {
  return (await call("GET", eventPath(id, `/attendees/${encodeURIComponent(user)}`))).json();
}

/**
 * Deletes the usage of an event.
 *
 * @param {string} id
 * @returns {Promise<{ attendees: number }>}
 */
export async function resetEvent(id) {
  return (await call("POST", eventPath(id, "/reset"), { confirm: id })).json();
}

/**
 * Deletes an event that has ended and that nobody has used.
 *
 * @param {string} id
 */
export async function deleteEvent(id) {
  await call("DELETE", eventPath(id));
}

/**
 * A page of the usage by session.
 *
 * @param {string} id
 * @param {string | null} cursor
 * @returns {Promise<{ rows: SessionRow[], next: string | null }>}
 */
export async function readSessions(id, cursor) {
  const query = new URLSearchParams({ by: "session", limit: String(PAGE_SIZE), ...(cursor ? { cursor } : {}) });
  return (await call("GET", eventPath(id, `/usage?${query}`))).json();
}

/**
 * The signed tokens that an event issued, the newest first.
 *
 * @param {string} id
 * @returns {Promise<IssuedToken[]>}
 */
export function listTokens(id) {
  return listAll(eventPath(id, "/tokens"), "tokens");
}

/**
 * The deployments that only one attendee uses.
 *
 * @param {string} id
 * @param {string} user
 * @returns {Promise<Deployment[]>}
 */
export async function listOwnDeployments(id, user) {
  return (await (await call("GET", eventPath(id, `/own-deployments?${new URLSearchParams({ user })}`))).json()).deployments;
}

/**
 * @param {string} id
 * @param {string} user
 * @param {string} name
 * @param {DeploymentDraft} draft
 * @returns {Promise<Deployment>}
 */
export async function putOwnDeployment(id, user, name, draft) {
  return (await call("PUT", eventPath(id, `/own-deployments/${encodeURIComponent(name)}?${new URLSearchParams({ user })}`), draft)).json();
}

/**
 * @param {string} id
 * @param {string} user
 * @param {Deployment} deployment
 */
export function deleteOwnDeployment(id, user, { name, replica }) {
  return call("DELETE", eventPath(id, `/own-deployments/${encodeURIComponent(name)}?${new URLSearchParams({ user, replica })}`));
}

/**
 * Frees the seat of an attendee who has used nothing.
 *
 * @param {string} id
 * @param {string} user
 */
export function freeSeat(id, user) {
  return call("DELETE", eventPath(id, `/attendees/${encodeURIComponent(user)}`));
}

/**
 * @param {string} id
 * @param {string} user
 */
export function deleteRegistration(id, user) {
  return call("DELETE", eventPath(id, `/registrations/${encodeURIComponent(user)}`));
}

/**
 * Revokes every token and every personal key of an event.
 *
 * @param {string} id
 */
export function revokeAll(id) {
  return call("DELETE", eventPath(id, "/tokens"));
}

/**
 * The newest ratings of an event.
 *
 * @param {string} id
 * @returns {Promise<RatingPage>}
 */
export async function readRatings(id) {
  return (await call("GET", eventPath(id, `/ratings?limit=${PAGE_SIZE}`))).json();
}

/** Fields of an event that its copy gets. Its code, state and times are its own. */
const CLONED = ["time_zone", "attendees", "preset", "deployments", "default_deployments", "max_completion_tokens", "max_choices", "allowances",
  "access", "auto_register", "own_deployments", "keeps_objects", "hosted_tools", "records_requests", "contact", "url", "url_text",
  "description", "image_url", "shards"];

/**
 * A new event with the settings of another one, of the same length.
 *
 * @param {OrganiserEvent} event
 * @param {string} name
 * @param {string} startsAt a local time
 * @returns {Promise<OrganiserEvent>}
 */
export function cloneEvent(event, name, startsAt) {
  const length = Date.parse(event.ends_at) - Date.parse(event.starts_at);
  const ends = new Date(Date.parse(`${startsAt}Z`) + length).toISOString().slice(0, 19);
  const fields = Object.fromEntries(Object.entries(event).filter(([field]) => CLONED.includes(field)));
  return createEvent({ ...fields, name, starts_at: startsAt, ends_at: ends });
}

/**
 * All deployments, by name and replica.
 *
 * @returns {Promise<Deployment[]>}
 */
export function listDeployments() {
  return listAll("/deployments", "deployments");
}

/**
 * Adds or replaces a deployment.
 *
 * @param {string} name
 * @param {DeploymentDraft} draft
 * @returns {Promise<Deployment>}
 */
export async function putDeployment(name, draft) {
  return (await call("PUT", `/deployments/${encodeURIComponent(name)}`, draft)).json();
}

/**
 * What a `PUT` needs to leave a deployment as it is.
 *
 * @param {Deployment} deployment
 * @returns {DeploymentDraft}
 */
export function draftOf({ name: _, warnings: __, facts: ___, identity, ...rest }) {
  return { ...rest, ...(identity ? { identity } : {}) };
}

/**
 * Deletes a deployment, and returns warnings about the events that offered it.
 *
 * @param {string} name
 * @param {string} replica
 * @returns {Promise<string[]>}
 */
export async function deleteDeployment(name, replica) {
  const deleted = await (await call("DELETE", `/deployments/${encodeURIComponent(name)}?${new URLSearchParams({ replica })}`)).json();
  return deleted.warnings ?? [];
}

/**
 * Issues a signed token for a user. It is shown only now.
 *
 * @param {string} id
 * @param {string} user
 * @param {number} days
 * @returns {Promise<{ token?: string, jti: string, expires_at: string }>}
 */
export async function issueToken(id, user, days) {
  return (await call("POST", eventPath(id, "/tokens"), { user, days })).json();
}

/**
 * @param {string} id
 * @param {string} jti
 */
export function revokeToken(id, jti) {
  return call("DELETE", eventPath(id, `/tokens/${encodeURIComponent(jti)}`));
}

/**
 * The organiser's own tokens.
 *
 * @returns {Promise<OrganiserToken[]>}
 */
export function listOrganiserTokens() {
  return listAll("/tokens", "tokens");
}

/**
 * Makes another organiser token. It is shown only now.
 *
 * @param {string} name
 * @param {number | null} days
 * @returns {Promise<OrganiserToken>}
 */
export async function createOrganiserToken(name, days) {
  return (await call("POST", "/tokens", { name, ...(days ? { days } : {}) })).json();
}

/** @param {string} id */
export function revokeOrganiserToken(id) {
  return call("DELETE", `/tokens/${encodeURIComponent(id)}`);
}

/**
 * @param {"GET" | "POST" | "PUT" | "PATCH" | "DELETE"} method
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
