// @ts-check
// The organiser's dashboard: signing in, the list of events, and which view the fragment names.

/** @import { OrganiserEvent } from "../types.d.ts" */

import { asRefusal } from "./api.js";
import { byId, fill, find, fragment, h } from "./dom.js";
import { note } from "./errors.js";
import { eventForm } from "./event-form.js";
import { eventView } from "./event-live.js";
import { allEvents, readEvent, remember, token } from "./organiser-api.js";
import { standing, windowWords } from "./when.js";

/** What the view that is shown must stop when another comes. */
let leaveView = () => {};
let turn = 0;

const tokenField = find(document, "#token", HTMLInputElement);

byId("enter").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  remember(tokenField.value.trim());
  tokenField.value = "";
  open();
});
byId("leave").addEventListener("click", () => {
  remember(null);
  open();
});
addEventListener("hashchange", open);
open();

async function open() {
  leaveView();
  leaveView = () => {};
  turn += 1;
  const mine = turn;
  const isIn = token() !== null;
  byId("enter").hidden = isIn;
  byId("nav").hidden = !isIn;
  fill(byId("refused"));
  if (!isIn) {
    fill(byId("view"));
    tokenField.focus();
    return;
  }
  try {
    const [elements, leave] = await wanted();
    if (mine !== turn) return leave?.();
    leaveView = leave ?? leaveView;
    fill(byId("view"), elements);
  } catch (thrown) {
    if (mine !== turn) return;
    const fault = asRefusal(thrown);
    fill(byId("view"));
    if (fault.status === 401) {
      remember(null);
      byId("enter").hidden = false;
      byId("nav").hidden = true;
    }
    fill(byId("refused"), note(fault, fault.status === 401 ? null : open));
  }
}

/**
 * The elements of the view that the fragment names, and how to leave it.
 *
 * @returns {Promise<[HTMLElement[], (() => void)?]>}
 */
async function wanted() {
  const asked = fragment();
  if (asked.has("new")) {
    document.title = "New event · Lanyard";
    return [[eventForm(null, (made) => { location.hash = `event=${made.id}`; })]];
  }
  const [edited, watched] = [asked.get("edit"), asked.get("event")];
  if (edited) {
    const event = await readEvent(edited);
    document.title = `${event.name} · Lanyard`;
    return [[eventForm(event, (changed) => { location.hash = `event=${changed.id}`; })]];
  }
  if (watched) {
    const event = await readEvent(watched);
    document.title = `${event.name} · Lanyard`;
    return eventView(event);
  }
  document.title = "Events · Lanyard";
  return [[list(await allEvents())]];
}

/** @param {OrganiserEvent[]} events */
function list(events) {
  if (!events.length) {
    return h("section.card", {}, h("h1", {}, "Events"), h("p", {}, "No events yet."),
      h("a.button", { href: "#new" }, "Create event"));
  }
  const row = (/** @type {OrganiserEvent} */ event) => {
    const { words, tone } = standing(event);
    return h("tr", {},
      h("th", { scope: "row" }, h("a", { href: `#event=${event.id}` }, event.name)),
      h("td", {}, h(`span.badge.${tone}`, {}, words)),
      h("td.mono", {}, event.code),
      h("td", {}, windowWords(event)[0] ?? ""),
      h("td.number", {}, String(event.attendees)));
  };
  const heads = ["Name", "Status", "Code", "Time", "Expected attendees"];
  return h("section.card", {},
    h("div.row.spread", {}, h("h1", {}, "Events"), h("a.button", { href: "#new" }, "New event")),
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Events" }, h("table", {},
      h("thead", {}, h("tr", {}, heads.map((head) => h(head === "Expected attendees" ? "th.number" : "th", { scope: "col" }, head)))),
      h("tbody", {}, events.map(row)))));
}
