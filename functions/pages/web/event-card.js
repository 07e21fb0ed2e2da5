// @ts-check
// The header of the attendee page: name, image, description, organiser and state of the event.

/** @import { Contact, PublicEvent } from "../types.d.ts" */

import { h, fill } from "./dom.js";
import { markdown, webAddress } from "./markdown.js";
import { eventState, windowLines } from "./time.js";
import * as t from "./texts.js";

/** @type {number | undefined} */
let timer;

/**
 * Shows an event from `GET /api/v1/event` or `GET /api/event/ID`.
 *
 * @param {Element} place
 * @param {PublicEvent} event
 * @param {() => void} onChange called when the clock opens or ends it
 */
export function showEvent(place, event, onChange) {
  const status = h("p.badge", { id: "event-state" });
  const phase = () => [event.starts_at, event.ends_at].filter((at) => Date.parse(at) <= Date.now()).length;
  let before = phase();
  const update = () => {
    if (phase() !== before) {
      before = phase();
      // What was read before is out of date.
      delete event.status;
      onChange();
    }
    const { text, tone } = eventState(event);
    status.className = `badge ${tone}`;
    if (status.textContent !== text) status.textContent = text;
  };
  update();
  clearInterval(timer);
  timer = setInterval(update, 1000);
  const image = event.image_url && webAddress(event.image_url);
  document.title = `${event.name} · Lanyard`;
  fill(place,
    h("div.event-head", {},
      h("div.words", {},
        h("h1", { id: "title" }, event.name),
        // It changes every second, so screen readers do not announce it.
        h("div", { "aria-live": "off" }, status),
        h("p.times", {}, windowLines(event).map((words) => h("span", {}, words))),
        organiserLine(event.organiser ?? event.contact),
        websiteLink(event)),
      image ? h("img", { src: image, alt: "", referrerpolicy: "no-referrer" }) : null),
    event.description ? h("div.description", {}, markdown(event.description)) : null);
}

/** @param {Partial<Contact> | undefined} contact */
function organiserLine(contact) {
  const { name, email } = contact ?? {};
  if (!name && !email) return null;
  const mail = email ? h("a", { href: `mailto:${encodeURIComponent(email).replace("%40", "@")}` }, email) : null;
  return h("p", {}, t.organisedBy, name || null, name && mail ? ", " : null, mail);
}

/** @param {PublicEvent} event */
function websiteLink(event) {
  const address = event.url && webAddress(event.url);
  if (!address) return null;
  return h("p", {}, h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, event.url_text || address));
}
