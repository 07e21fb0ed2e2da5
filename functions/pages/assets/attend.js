// The attendee's page: from a code and a name to the first call.
//
// The code comes in the fragment, `#code=…` and, where the organiser's link has it, `&event=ID`. What is typed stays in
// this tab's session.

import { leftInShort, showAllowance } from "./allowance.js";
import { BASE, eventFor, nameOf, publicEvent } from "./api.js";
import { byId, fill, fragment } from "./dom.js";
import { note } from "./errors.js";
import { showEvent } from "./event-card.js";
import { playground } from "./playground.js";
import { eventOf, registration } from "./register.js";
import { showSnippets } from "./snippets.js";

const KEPT = "lanyard.attendee";
const form = byId("enter");

let eventId = null;
/** What is in force: the address, the credential and the model. */
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
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  const code = asked.get("code") ?? kept.code ?? "";
  eventId = asked.get("event");
  form.elements.code.value = code;
  const isSame = kept.code === code;
  form.elements.user.value = isSame ? kept.user ?? "" : "";
  if (isSame && kept.user) return enter(kept.key);
  form.elements[code ? "user" : "code"].focus();
  const known = await publicEvent(eventId).catch(() => null);
  if (known) return showEvent(byId("event"), known);
  const name = code && await nameOf(code);
  // Whoever was quick is inside by now, and sees more than the name.
  if (name && byId("inside").hidden) byId("title").textContent = name;
}

async function enter(key) {
  const code = form.elements.code.value.trim();
  const user = form.elements.user.value.trim();
  const credential = key ?? `${code}/${user}`;
  const button = byId("go");
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

function show(known, credential) {
  showEvent(byId("event"), known.event);
  fill(byId("who"), `You are ${known.user}`);
  access = { base: BASE, credential, model: firstModel(known.models) };
  showAllowance(byId("left"), known);
  showSnippets(byId("snippets"), access);
  playground(byId("playground"), access, known, refresh);
  byId("registration").hidden = true;
  byId("inside").hidden = false;
  form.querySelector("h2").textContent = "Another code or name";
  byId("go").textContent = "Change";
  byId("inside").after(form);
}

/** What chat goes to unless a model is named; else the first that chats; else the first of all. */
function firstModel(models) {
  const chats = models.filter((model) => model.operations.includes("chat_completions"));
  const first = chats.find((model) => model.default_for.includes("chat_completions")) ?? chats[0] ?? models[0];
  return first?.id ?? "gpt-4o-mini";
}

async function refused(fault, { code, user, key }) {
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
  if (wantsKey) fill(byId("registration"), registration({ id, code, user }, (own) => enter(own)));
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

