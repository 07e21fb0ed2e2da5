// @ts-check
// A part of a page that is read when it is opened.

import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";

/** @import { Child } from "../types.d.ts" */

/**
 * A section that shows what `read` returns, each time it is opened.
 *
 * @param {string} id
 * @param {string} title
 * @param {() => Promise<Child[]>} read
 */
export function lazySection(id, title, read) {
  const place = h("div");
  const details = h("details.card", { id, ontoggle: () => { if (details.open) load(); } }, h("summary", {}, title), place);

  async function load() {
    try {
      fill(place, await read());
    } catch (error) {
      fill(place, errorNote(error, load));
    }
  }
  return { element: details, load };
}

/**
 * A table that scrolls sideways where it has no room.
 *
 * @param {string} label
 * @param {string[]} heads
 * @param {Child[][]} rows
 */
export function table(label, heads, rows) {
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": label }, h("table", {},
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))));
}
