// @ts-check
// The attendee's page: from a code and a name to the first call.
//
// The code comes in the fragment, `#code=…` and, where the organiser's link has it, `&event=ID`. What is typed stays in
// this tab's session.

/** @import { AttendeeAccess, ApiAccess, Model } from "../types.d.ts" */

import { leftInShort, showAllowance } from "./allowance.js";
import { asRefusal, BASE, eventFor, nameOf, publicEvent } from "./api.js";
import { byId, fill, find, fragment } from "./dom.js";
import { note } from "./errors.js";
import { showEvent } from "./event-card.js";
import { playground } from "./playground.js";
import { eventOf, registration } from "./register.js";
import { showSnippets } from "./snippets.js";

const KEPT = "lanyard.attendee";
const form = find(document, "#enter", HTMLFormElement);
const fields = { code: find(form, "#code", HTMLInputElement), user: find(form, "#user", HTMLInputElement) };
const button = find(form, "#go", HTMLButtonElement);

/** @type {string | null} */
let eventId = null;
/**
 * What is in force: the address, the credential and the model.
 *
 * @type {ApiAccess | null}
 */
let access = null;

begin();
addEventListener("hashchange", begin);
form.addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  enter();
});
byId("refresh").addEventListener("click", refresh);

async function begin() {
  const asked = fragment();
  /** @type {{ code?: string, user?: string, key?: string }} */
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  const code = asked.get("code") ?? kept.code ?? "";
  eventId = asked.get("event");
  fields.code.value = code;
  const isSame = kept.code === code;
  fields.user.value = isSame ? kept.user ?? "" : "";
  if (isSame && kept.user) return enter(kept.key);
  fields[code ? "user" : "code"].focus();
  const known = await publicEvent(eventId).catch(() => null);
  if (known) return showEvent(byId("event"), known);
  const name = code && await nameOf(code);
  // Whoever was quick is inside by now, and sees more than the name.
  if (name && byId("inside").hidden) byId("title").textContent = name;
}

/** @param {string} [key] */
async function enter(key) {
  const code = fields.code.value.trim();
  const user = fields.user.value.trim();
  const credential = key ?? `${code}/${user}`;
  button.disabled = true;
  fill(byId("refused"));
  try {
    const known = await eventFor(credential);
    sessionStorage.setItem(KEPT, JSON.stringify({ code, user, key }));
    show(known, credential);
  } catch (fault) {
    await refused(fault, { code, user, key });
  } finally {
    button.disabled = false;
  }
}

/**
 * @param {AttendeeAccess} known
 * @param {string} credential
 */
function show(known, credential) {
  showEvent(byId("event"), known.event);
  fill(byId("who"), `Signed in as ${known.user}`);
  access = { base: BASE, credential, model: firstModel(known.models) };
  showAllowance(byId("left"), known);
  showSnippets(byId("snippets"), access);
  playground(byId("playground"), access, known, refresh);
  byId("registration").hidden = true;
  byId("inside").hidden = false;
  find(form, "h2", HTMLElement).textContent = "Switch event or user";
  button.textContent = "Switch";
  byId("inside").after(form);
}

/**
 * What chat goes to unless a model is named; else the first that chats; else the first of all.
 *
 * @param {Model[]} models
 */
function firstModel(models) {
  const chats = models.filter((model) => model.operations.includes("chat_completions"));
  const first = chats.find((model) => model.default_for.includes("chat_completions")) ?? chats[0] ?? models[0];
  return first?.id ?? "gpt-4o-mini";
}

/**
 * @param {unknown} thrown
 * @param {{ code: string, user: string, key?: string }} tried
 */
async function refused(thrown, { code, user, key }) {
  const fault = asRefusal(thrown);
  // A key that no longer holds gives way to the code.
  if (key && fault.status === 401) return enter();
  byId("inside").hidden = true;
  const id = eventId ?? eventOf(fault);
  const known = await publicEvent(id).catch(() => null);
  if (known) showEvent(byId("event"), known);
  const wantsKey = fault.code === "registration_required" || (known?.access === "registered" && fault.status === 401);
  byId("registration").hidden = !wantsKey;
  // The form says the same in other words than a program needs.
  fill(byId("refused"), wantsKey && fault.code === "registration_required" ? [] : note(fault));
  if (wantsKey && id) fill(byId("registration"), registration({ id, code, user }, (own) => enter(own)));
}

/** Reads anew what is left. */
async function refresh() {
  if (!access) return;
  try {
    const known = await eventFor(access.credential);
    showAllowance(byId("left"), known);
    fill(byId("left-short"), leftInShort(known));
  } catch (fault) {
    fill(byId("left"), note(fault, refresh));
  }
}

