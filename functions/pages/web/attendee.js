// @ts-check
// The attendee page: join an event, see code examples and limits, and chat.
//
// The link has the code in its fragment, `#code=…`. The page shows the event before, during and after it, and while it
// is paused.

/** @import { AttendeeAccess, ApiAccess, EventOfCode, Model } from "../types.d.ts" */

import { asApiError, BASE, readAccess, readEventOfCode } from "./api.js";
import { byId, fill, find, fragment, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { showEvent } from "./event-card.js";
import { remainingSummary, showLimits, usageSummary } from "./limits.js";
import { playground } from "./playground.js";
import { registrationForm } from "./register.js";
import { forget, remember, remembered } from "./remembered.js";
import { showSnippets } from "./snippets.js";
import { transliterated } from "./transliterate.js";
import * as t from "./texts.js";

/** How often a page that waits for an event asks whether it is open. */
const WAIT_MS = 10_000;

const form = find(document, "#join", HTMLFormElement);
const fields = { code: find(form, "#code", HTMLInputElement), user: find(form, "#user", HTMLInputElement) };
const rememberBox = find(form, "#remember", HTMLInputElement);
const button = find(form, "#join-button", HTMLButtonElement);

/**
 * The base URL, credential and model in use.
 *
 * @type {ApiAccess | null}
 */
let apiAccess = null;
/** @type {number | undefined} */
let waiting;

start();
addEventListener("hashchange", start);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
byId("refresh").addEventListener("click", refresh);
byId("forget").addEventListener("click", () => {
  forget();
  location.reload();
});
fields.user.addEventListener("input", showSpelling);

async function start() {
  clearTimeout(waiting);
  const parameters = fragment();
  const { attendee: saved, isDevice } = remembered();
  const code = parameters.get("code") ?? saved.code ?? "";
  fields.code.value = code;
  rememberBox.checked = isDevice;
  const isSame = saved.code?.toLowerCase() === code.toLowerCase();
  fields.user.value = isSame ? saved.user ?? "" : "";
  showSpelling();
  if (isSame && saved.user) return join(saved.key);
  fields[code ? "user" : "code"].focus();
  if (!code) return undefined;
  try {
    showKnown(await readEventOfCode(code), () => start());
  } catch {
    // The attendee may correct the code. Joining explains what is wrong with it.
  }
  return undefined;
}

/**
 * Shows an event that nobody has joined yet from here. `again` is called when it may have opened.
 *
 * @param {EventOfCode} event
 * @param {() => void} again
 */
function showKnown(event, again, isWaiting = false) {
  if (!byId("joined").hidden) return;
  showEvent(byId("event"), event, again);
  const hasEnded = event.status === "ended";
  find(form, "h2", HTMLElement).textContent = hasEnded ? t.seeWhatYouUsed : t.join;
  button.textContent = hasEnded ? t.showMyUsage : isWaiting ? t.checkAgain : t.continueToEvent;
}

/** The name that will be used, if it is not the one that is written. */
function showSpelling() {
  const written = fields.user.value.trim();
  const name = transliterated(written);
  const place = byId("spelling");
  if (!written || name === written) return fill(place);
  return fill(place, name
    ? h("span", {}, t.youWillJoinAs, h("strong", {}, name), ".")
    : h("span.problem", {}, t.writeYourNameIn));
}

/** @param {string} [key] */
async function join(key) {
  const code = fields.code.value.trim();
  const user = transliterated(fields.user.value.trim());
  if (!user) {
    fields.user.focus();
    return showSpelling();
  }
  clearTimeout(waiting);
  const credential = key ?? `${code}/${user}`;
  button.disabled = true;
  fill(byId("error"));
  try {
    const details = await readAccess(credential);
    remember({ code, user, ...(key ? { key } : {}) }, rememberBox.checked);
    show(details, credential);
  } catch (error) {
    await showError(error, { code, user, key });
  } finally {
    button.disabled = false;
  }
  return undefined;
}

/**
 * @param {AttendeeAccess} details
 * @param {string} credential
 */
function show(details, credential) {
  showEvent(byId("event"), details.event, () => refresh());
  fill(byId("signed-in-as"), t.signedInAs(details.user));
  byId("forget").hidden = false;
  apiAccess = { base: BASE, credential, model: firstModel(details.models), messagesModel: messagesModel(details.models) };
  showLimits(byId("limits"), details);
  showSnippets(byId("snippets"), apiAccess);
  playground(byId("playground"), apiAccess, details, refresh);
  byId("registration").hidden = true;
  byId("joined").hidden = false;
  form.hidden = false;
  find(form, "h2", HTMLElement).textContent = t.switchEventOrUser;
  button.textContent = t.switchTo;
  byId("joined").after(form);
}

/**
 * The default model for chat, else the first chat model, else one of Claude, else the first model.
 *
 * @param {Model[]} models
 */
function firstModel(models) {
  const chats = models.filter((model) => model.operations.includes("chat_completions"));
  const first = chats.find((model) => model.default_for.includes("chat_completions")) ?? chats[0];
  return first?.id ?? messagesModel(models) ?? models[0]?.id ?? "gpt-5-mini";
}

/**
 * The default model for messages, else the first one that serves them.
 *
 * @param {Model[]} models
 */
function messagesModel(models) {
  const served = models.filter((model) => model.operations.includes("messages"));
  const first = served.find((model) => model.default_for.includes("messages")) ?? served[0];
  return first?.id ?? null;
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
  const event = await readEventOfCode(key ?? `${code}/${user}`).catch(() => null);
  const isClosed = ["event_not_started", "event_paused", "event_ended"].includes(error.code);
  if (event && isClosed) {
    remember({ code, user, ...(key ? { key } : {}) }, rememberBox.checked);
    showKnown(event, () => join(key), event.status !== "ended");
    showOwnUsage(event);
    if (event.status === "ended") showAfter(event, { code, user, key });
    else waiting = setTimeout(() => join(key), WAIT_MS);
    return undefined;
  }
  if (event) showKnown(event, () => join(key));
  form.hidden = false;
  const wantsKey = event !== null && (error.code === "registration_required" || (event.access === "registered" && error.status === 401));
  byId("registration").hidden = !wantsKey;
  // The registration form explains this error already.
  fill(byId("error"), wantsKey && error.code === "registration_required" ? [] : errorNote(error));
  if (wantsKey) fill(byId("registration"), registrationForm({ id: event.id, code, user, hasEnded: false }, (ownKey) => join(ownKey)));
  return undefined;
}

/**
 * After the event there is nothing to join. Somebody whose usage is shown can sign out to see another name's.
 *
 * @param {EventOfCode} event
 * @param {{ code: string, user: string, key: string | undefined }} attempt
 */
function showAfter(event, { code, user, key }) {
  const isKnown = Boolean(event.usage?.requests);
  form.hidden = isKnown;
  byId("forget").hidden = !isKnown;
  fill(byId("signed-in-as"), isKnown ? t.signedInAs(event.user ?? user) : null);
  const wantsPassphrase = !event.usage && event.access === "registered" && !key;
  byId("registration").hidden = !wantsPassphrase;
  if (wantsPassphrase) fill(byId("registration"), registrationForm({ id: event.id, code, user, hasEnded: true }, (ownKey) => join(ownKey)));
}

/**
 * What the attendee used, at an event that is not open.
 *
 * @param {EventOfCode} event
 */
function showOwnUsage(event) {
  const { usage, user = "" } = event;
  const words = {
    scheduled: t.youAreSignedUp,
    paused: t.thisPageContinuesBy,
    ended: t.theCodeHasStopped,
    open: "",
  }[event.status ?? "open"];
  fill(byId("error"), h("section.card", { "data-state": event.status ?? "" },
    h("p", {}, words),
    usage?.requests ? h("p", { id: "own-usage" }, usageSummary(usage)) : null,
    usage?.requests === 0 && event.status === "ended" ? h("p", {}, t.nothingWasUsedBy(user)) : null,
    !usage && event.access === "roster" ? h("p", {}, t.ADVICE.not_on_roster) : null));
}

/** Reads the remaining limits again. */
async function refresh() {
  if (!apiAccess) return;
  try {
    const details = await readAccess(apiAccess.credential);
    showEvent(byId("event"), details.event, () => refresh());
    showLimits(byId("limits"), details);
    fill(byId("remaining"), remainingSummary(details));
  } catch (cause) {
    const error = asApiError(cause);
    const event = ["event_paused", "event_ended"].includes(error.code) ? await readEventOfCode(apiAccess.credential).catch(() => null) : null;
    if (event) showEvent(byId("event"), event, () => refresh());
    fill(byId("limits"), errorNote(error, refresh), event?.usage ? h("p", {}, usageSummary(event.usage)) : null);
  }
}
