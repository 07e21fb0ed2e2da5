// @ts-check
// The attendee page: join an event, see code examples and limits, and chat.
//
// The link has the code in its fragment, `#code=…`, and may have `&event=ID`. The fields are kept in this tab's session.

/** @import { AttendeeAccess, ApiAccess, Model } from "../types.d.ts" */

import { asApiError, BASE, readAccess, readEventName, readPublicEvent } from "./api.js";
import { byId, fill, find, fragment } from "./dom.js";
import { errorNote } from "./errors.js";
import { showEvent } from "./event-card.js";
import { remainingSummary, showLimits } from "./limits.js";
import { playground } from "./playground.js";
import { eventIdIn, registrationForm } from "./register.js";
import { showSnippets } from "./snippets.js";

const STORAGE_KEY = "lanyard.attendee";
const form = find(document, "#join", HTMLFormElement);
const fields = { code: find(form, "#code", HTMLInputElement), user: find(form, "#user", HTMLInputElement) };
const button = find(form, "#join-button", HTMLButtonElement);

/** @type {string | null} */
let eventId = null;
/**
 * The base URL, credential and model in use.
 *
 * @type {ApiAccess | null}
 */
let apiAccess = null;

start();
addEventListener("hashchange", start);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
byId("refresh").addEventListener("click", refresh);

async function start() {
  const parameters = fragment();
  /** @type {{ code?: string, user?: string, key?: string }} */
  const saved = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "{}");
  const code = parameters.get("code") ?? saved.code ?? "";
  eventId = parameters.get("event");
  fields.code.value = code;
  const isSame = saved.code === code;
  fields.user.value = isSame ? saved.user ?? "" : "";
  if (isSame && saved.user) return join(saved.key);
  fields[code ? "user" : "code"].focus();
  const details = await readPublicEvent(eventId).catch(() => null);
  if (details) return showEvent(byId("event"), details);
  const name = code && await readEventName(code);
  // The attendee may have joined while the name was read.
  if (name && byId("joined").hidden) byId("title").textContent = name;
}

/** @param {string} [key] */
async function join(key) {
  const code = fields.code.value.trim();
  const user = fields.user.value.trim();
  const credential = key ?? `${code}/${user}`;
  button.disabled = true;
  fill(byId("error"));
  try {
    const details = await readAccess(credential);
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ code, user, key }));
    show(details, credential);
  } catch (error) {
    await showError(error, { code, user, key });
  } finally {
    button.disabled = false;
  }
}

/**
 * @param {AttendeeAccess} details
 * @param {string} credential
 */
function show(details, credential) {
  showEvent(byId("event"), details.event);
  fill(byId("signed-in-as"), `Signed in as ${details.user}`);
  apiAccess = { base: BASE, credential, model: firstModel(details.models) };
  showLimits(byId("limits"), details);
  showSnippets(byId("snippets"), apiAccess);
  playground(byId("playground"), apiAccess, details, refresh);
  byId("registration").hidden = true;
  byId("joined").hidden = false;
  find(form, "h2", HTMLElement).textContent = "Switch event or user";
  button.textContent = "Switch";
  byId("joined").after(form);
}

/**
 * The default model for chat, else the first chat model, else the first model.
 *
 * @param {Model[]} models
 */
function firstModel(models) {
  const chats = models.filter((model) => model.operations.includes("chat_completions"));
  const first = chats.find((model) => model.default_for.includes("chat_completions")) ?? chats[0] ?? models[0];
  return first?.id ?? "gpt-4o-mini";
}

/**
 * @param {unknown} cause
 * @param {{ code: string, user: string, key?: string }} attempt
 */
async function showError(cause, { code, user, key }) {
  const error = asApiError(cause);
  // The stored key is no longer valid: join with the code.
  if (key && error.status === 401) return join();
  byId("joined").hidden = true;
  const id = eventId ?? eventIdIn(error);
  const details = await readPublicEvent(id).catch(() => null);
  if (details) showEvent(byId("event"), details);
  const wantsKey = error.code === "registration_required" || (details?.access === "registered" && error.status === 401);
  byId("registration").hidden = !wantsKey;
  // The registration form explains this error already.
  fill(byId("error"), wantsKey && error.code === "registration_required" ? [] : errorNote(error));
  if (wantsKey && id) fill(byId("registration"), registrationForm({ id, code, user }, (ownKey) => join(ownKey)));
}

/** Reads the remaining limits again. */
async function refresh() {
  if (!apiAccess) return;
  try {
    const details = await readAccess(apiAccess.credential);
    showLimits(byId("limits"), details);
    fill(byId("remaining"), remainingSummary(details));
  } catch (error) {
    fill(byId("limits"), errorNote(error, refresh));
  }
}

