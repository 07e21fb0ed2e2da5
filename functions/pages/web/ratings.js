// @ts-check
// What attendees think of the responses.

/** @import { RatingPage } from "../types.d.ts" */

import { fill, h, number } from "./dom.js";
import { errorNote } from "./errors.js";
import { readRatings } from "./organiser-api.js";

/**
 * The ratings of an event. They are read when the section is opened.
 *
 * @param {string} id
 */
export function ratingsView(id) {
  const place = h("div");
  const details = h("details.card", { id: "ratings", ontoggle: () => { if (details.open) load(); } }, h("summary", {}, "Ratings"), place);

  async function load() {
    try {
      show(await readRatings(id));
    } catch (error) {
      fill(place, errorNote(error, load));
    }
  }

  /** @param {RatingPage} page */
  function show({ ratings, models, total }) {
    if (!ratings.length) return fill(place, h("p.muted", {}, "No ratings yet. Attendees rate responses in the playground or with the API."));
    const table = (/** @type {string} */ label, /** @type {string[]} */ heads, /** @type {import("../types.d.ts").Child[][]} */ rows) =>
      h("div.scroll", { tabindex: "0", role: "region", "aria-label": label }, h("table", {},
        h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))));
    return fill(place,
      h("p", {}, `${number(total.up)} good, ${number(total.down)} bad.`),
      table("Ratings by model", ["Model", "Good", "Bad"], models.map(({ model, up, down }) => [model, number(up), number(down)])),
      h("h3", {}, "Latest"),
      table("Latest ratings", ["Time", "Attendee", "Model", "Rating", "Feedback"], ratings.map((each) => [
        new Date(each.rated_at).toLocaleString("en-GB"), each.user, each.model ?? "unknown", each.rating === 1 ? "Good" : "Bad", each.feedback])));
  }
  return details;
}
