// @ts-check
// The event at the head of the page: name, picture, description, organiser, and whether it is on.

/** @import { Contact, PublicEvent } from "../types.d.ts" */

import { h, fill } from "./dom.js";
import { markdown, webAddress } from "./markdown.js";
import { standing, windowWords } from "./when.js";

/** @type {number | undefined} */
let ticking;

/**
 * Shows an event in the words of `GET /api/v1/event` or of `GET /api/event/ID`.
 *
 * @param {Element} place
 * @param {PublicEvent} event
 */
export function showEvent(place, event) {
  const status = h("p.badge");
  const tick = () => {
    const { words, tone } = standing(event);
    status.className = `badge ${tone}`;
    if (status.textContent !== words) status.textContent = words;
  };
  tick();
  clearInterval(ticking);
  ticking = setInterval(tick, 1000);
  const picture = event.image_url && webAddress(event.image_url);
  document.title = `${event.name} · Lanyard`;
  fill(place,
    h("div.event-head", {},
      h("div.words", {},
        h("h1", { id: "title" }, event.name),
        // It changes each second: a screen reader asks for it, and is not told.
        h("div", { "aria-live": "off" }, status),
        h("p.times", {}, windowWords(event).map((words) => h("span", {}, words))),
        organiser(event.organiser ?? event.contact),
        page(event)),
      picture ? h("img", { src: picture, alt: "", referrerpolicy: "no-referrer" }) : null),
    event.description ? h("div.described", {}, markdown(event.description)) : null);
}

/** @param {Partial<Contact> | undefined} contact */
function organiser(contact) {
  const { name, email } = contact ?? {};
  if (!name && !email) return null;
  const mail = email ? h("a", { href: `mailto:${encodeURIComponent(email).replace("%40", "@")}` }, email) : null;
  return h("p", {}, "Organised by ", name || null, name && mail ? ", " : null, mail);
}

/** @param {PublicEvent} event */
function page(event) {
  const address = event.url && webAddress(event.url);
  if (!address) return null;
  return h("p", {}, h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, event.url_text || address));
}
