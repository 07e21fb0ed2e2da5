// @ts-check
// The limits on single models of an event, as a part of the event's form.

/** @import { Deployment, EventFields, LimitsByModel, OrganiserEvent } from "../types.d.ts" */

import { h } from "./dom.js";
import { capitalised, fieldOf, options } from "./form.js";
import { LIMITS_BY_MODEL, limitInput, limitName } from "./limits.js";
import * as t from "./texts.js";

/** The most limits on models of one account. */
const MOST = 4;

/**
 * The fieldset, and `changed()` with the limits to send: `null` for those that are lifted.
 *
 * @param {OrganiserEvent | null} event
 * @param {Deployment[]} deployments
 * @param {"attendee" | "event"} of
 */
export function modelLimits(event, deployments, of) {
  const allowance = /** @type {LimitsByModel} */ (/** @type {unknown} */ (event?.allowances[of] ?? {}));
  const before = Object.entries(allowance.by_model ?? {})
    .flatMap(([model, limits]) => Object.entries(limits).map(([limit, value]) => ({ model, limit, value })));
  const limited = before.map(({ model }) => model);
  const names = [...new Set([...deployments.map(({ name }) => name), ...limited])].sort();
  const path = `allowances.${of}.by_model`;
  const rows = Array.from({ length: MOST }, (_, index) => {
    const first = before[index];
    const model = h("select", {}, options([["", "–"], ...names.map((name) => [name, name])]));
    const limit = h("select", {}, options(LIMITS_BY_MODEL.map((name) => [name, capitalised(limitName(name))])));
    const value = h("input", {});
    model.value = first?.model ?? "";
    limit.value = first?.limit ?? "requests_total";
    value.value = String(first?.value ?? "");
    const adjust = () => {
      for (const [name, setting] of Object.entries(limitInput(limit.value))) value.setAttribute(name, setting);
    };
    limit.addEventListener("change", adjust);
    adjust();
    const place = `${path}.${index}`;
    const element = h("div.grid", {}, fieldOf(`${place}.model`, t.modelNumber(index + 1), model),
      fieldOf(`${place}.limit`, t.limit, limit), fieldOf(`${place}.value`, t.value, value));
    return { element, model, limit, value };
  });

  /** @returns {EventFields | null} */
  function changed() {
    const now = rows.filter(({ model, value }) => model.value && value.value.trim())
      .map(({ model, limit, value }) => ({ model: model.value, limit: limit.value, value: Number(value.value) }));
    /** @type {Record<string, Record<string, number | null>>} */
    const changes = {};
    const note = (/** @type {string} */ model, /** @type {string} */ limit, /** @type {number | null} */ value) => {
      changes[model] = { ...changes[model], [limit]: value };
    };
    for (const { model, limit } of before) {
      if (!now.some((one) => one.model === model && one.limit === limit)) note(model, limit, null);
    }
    for (const { model, limit, value } of now) {
      if (!before.some((one) => one.model === model && one.limit === limit && one.value === value)) note(model, limit, value);
    }
    return Object.keys(changes).length ? changes : null;
  }

  const element = h("details", { open: before.length > 0 }, h("summary", {}, t.limitsOnSingleModels),
    h("p.muted", {}, t.atMostTheyCount(MOST)),
    h("span.problem", { "data-problem": path }), rows.map((row) => row.element));
  return { element, changed };
}
