// @ts-check
// What attendees think of the responses.

/** @import { OrganiserEvent } from "../types.d.ts" */

import { h } from "./dom.js";
import { lazySection, table } from "./lazy-section.js";
import { dateTime, number } from "./locale.js";
import { readRatings } from "./organiser-api.js";
import * as t from "./texts.js";

/**
 * The ratings of an event.
 *
 * @param {OrganiserEvent} event
 */
export function ratingsView({ id, time_zone: zone }) {
  return lazySection("ratings", t.ratings, async () => {
    const { ratings, models, total } = await readRatings(id);
    if (!ratings.length) return [h("p.muted", {}, t.noRatingsYetAttendees)];
    return [
      h("p", {}, t.goodBad(total.up, total.down)),
      table(t.ratingsByModel, [t.model, t.good, t.bad], models.map(({ model, up, down }) => [model, number(up), number(down)])),
      h("h3", {}, t.latest),
      table(t.latestRatings, [t.time, t.attendeeHead, t.model, t.rating, t.feedback], ratings.map((each) => [
        dateTime(each.rated_at, zone), each.user, each.model ?? "unknown", each.rating === 1 ? t.good : t.bad, each.feedback])),
    ];
  }).element;
}
