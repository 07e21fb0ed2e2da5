// @ts-check
// What attendees think of the responses.

import { h, number } from "./dom.js";
import { lazySection, table } from "./lazy-section.js";
import { readRatings } from "./organiser-api.js";

/**
 * The ratings of an event.
 *
 * @param {string} id
 */
export function ratingsView(id) {
  return lazySection("ratings", "Ratings", async () => {
    const { ratings, models, total } = await readRatings(id);
    if (!ratings.length) return [h("p.muted", {}, "No ratings yet. Attendees rate responses in the playground or with the API.")];
    return [
      h("p", {}, `${number(total.up)} good, ${number(total.down)} bad.`),
      table("Ratings by model", ["Model", "Good", "Bad"], models.map(({ model, up, down }) => [model, number(up), number(down)])),
      h("h3", {}, "Latest"),
      table("Latest ratings", ["Time", "Attendee", "Model", "Rating", "Feedback"], ratings.map((each) => [
        new Date(each.rated_at).toLocaleString("en-GB"), each.user, each.model ?? "unknown", each.rating === 1 ? "Good" : "Bad", each.feedback])),
    ];
  }).element;
}
