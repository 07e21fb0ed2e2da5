// @ts-check
// The organiser dashboard: sign in, list events, and show the view in the URL's fragment.

/** @import { OrganiserEvent } from "../types.d.ts" */

import { asApiError } from "./api.js";
import { byId, fill, find, fragment, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { eventForm } from "./event-form.js";
import { eventView } from "./event-view.js";
import { listEvents, readEvent, setToken, token } from "./organiser-api.js";
import { eventState, windowLines } from "./time.js";

/** Stops the current view before another is shown. */
let stopView = () => {};
let opens = 0;

const tokenField = find(document, "#token", HTMLInputElement);

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(tokenField.value.trim());
  tokenField.value = "";
  open();
});
byId("sign-out").addEventListener("click", () => {
  setToken(null);
  open();
});
addEventListener("hashchange", open);
open();

async function open() {
  stopView();
  stopView = () => {};
  opens += 1;
  const opened = opens;
  const isSignedIn = token() !== null;
  byId("sign-in").hidden = isSignedIn;
  byId("nav").hidden = !isSignedIn;
  fill(byId("error"));
  if (!isSignedIn) {
    fill(byId("view"));
    tokenField.focus();
    return;
  }
  try {
    const [elements, stop] = await currentView();
    if (opened !== opens) return stop?.();
    stopView = stop ?? stopView;
    fill(byId("view"), elements);
  } catch (cause) {
    if (opened !== opens) return;
    const error = asApiError(cause);
    fill(byId("view"));
    if (error.status === 401) {
      setToken(null);
      byId("sign-in").hidden = false;
      byId("nav").hidden = true;
    }
    fill(byId("error"), errorNote(error, error.status === 401 ? null : open));
  }
}

/**
 * The elements of the view in the fragment, and a function that stops it.
 *
 * @returns {Promise<[HTMLElement[], (() => void)?]>}
 */
async function currentView() {
  const parameters = fragment();
  if (parameters.has("new")) {
    document.title = "New event · Lanyard";
    return [[eventForm(null, (made) => { location.hash = `event=${made.id}`; })]];
  }
  const [edited, watched] = [parameters.get("edit"), parameters.get("event")];
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
  return [[list(await listEvents())]];
}

/** @param {OrganiserEvent[]} events */
function list(events) {
  if (!events.length) {
    return h("section.card", {}, h("h1", {}, "Events"), h("p", {}, "No events yet."),
      h("a.button", { href: "#new" }, "Create event"));
  }
  const row = (/** @type {OrganiserEvent} */ event) => {
    const { text, tone } = eventState(event);
    return h("tr", {},
      h("th", { scope: "row" }, h("a", { href: `#event=${event.id}` }, event.name)),
      h("td", {}, h(`span.badge.${tone}`, {}, text)),
      h("td.mono", {}, event.code),
      h("td", {}, windowLines(event)[0] ?? ""),
      h("td.number", {}, String(event.attendees)));
  };
  const headers = ["Name", "Status", "Code", "Time", "Expected attendees"];
  return h("section.card", {},
    h("div.row.spread", {}, h("h1", {}, "Events"), h("a.button", { href: "#new" }, "New event")),
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Events table" }, h("table", {},
      h("thead", {}, h("tr", {}, headers.map((head) => h(head === "Expected attendees" ? "th.number" : "th", { scope: "col" }, head)))),
      h("tbody", {}, events.map(row)))));
}
