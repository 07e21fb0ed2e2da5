// @ts-check
// An attendee's limits and what remains of them.

/** @import { Attendee, AttendeeAccess, LimitLeft, Model, Usage } from "../types.d.ts" */

import { fill, h, svg } from "./dom.js";
import { LANGUAGE, list, number } from "./locale.js";
import { shortDuration } from "./time.js";
import * as t from "./texts.js";

/**
 * Whether a limit is of money.
 *
 * @param {string} name
 */
export function isMoney(name) {
  return name.startsWith("usd_");
}

/**
 * What a field for a limit accepts: whole numbers, or dollars.
 *
 * @param {string} name
 */
export function limitInput(name) {
  return isMoney(name) ? { type: "number", min: "0", step: "any", inputmode: "decimal" } : { type: "number", min: "1", step: "1", inputmode: "numeric" };
}

/**
 * Money with as many decimal places as its size needs.
 *
 * @param {number} value
 */
export function dollars(value) {
  const digits = value === 0 || value >= 1 ? 2 : value >= 0.01 ? 4 : 9;
  return new Intl.NumberFormat(LANGUAGE, { style: "currency", currency: "USD", maximumFractionDigits: digits }).format(value);
}

/**
 * A number of a limit as people read it.
 *
 * @param {string} name
 * @param {number} value
 */
export function limitAmount(name, value) {
  return isMoney(name) ? dollars(value) : number(value);
}

/** The names of all limits. */
export const LIMITS = Object.keys(t.LIMIT_NAMES);

/** The names of the limits that a single model can have. */
export const LIMITS_BY_MODEL = ["requests_total", ...LIMITS];

/** The names of all operations. */
export const OPERATIONS = Object.keys(t.OPERATION_NAMES);

/**
 * The label of an operation.
 *
 * @param {string} name
 */
export function operationName(name) {
  return t.OPERATION_NAMES[name] ?? name.replaceAll("_", " ");
}

/**
 * The limits that are an attendee's own, those on a model with its name.
 *
 * @param {Attendee} attendee
 */
export function ownLimits({ own_limits: all, own_limits_by_model: byModel = {} }) {
  return [...all, ...Object.entries(byModel).flatMap(([model, names]) => names.map((name) => `${model}: ${name}`))];
}

/**
 * The label of a limit.
 *
 * @param {string} name
 */
export function limitName(name) {
  return t.LIMIT_NAMES[name] ?? (name === "requests_total" ? t.requestsLimit : name.replaceAll("_", " "));
}

/**
 * A warning of the API with labels in the place of its field names.
 *
 * @param {string} warning
 */
export function withLabels(warning) {
  return warning
    .replaceAll(/(?:allowances\.(attendee|event)|allowance)\.(?:by_model\.(\S+)\.)?(\w+)/g, (path, of, model, name) => {
      if (!LIMITS_BY_MODEL.includes(name)) return path;
      const limit = model ? t.limitOfModel(limitName(name), model) : limitName(name);
      if (!of) return t.limitOfAttendee(limit);
      return of === "attendee" ? t.limitPerAttendee(limit) : t.limitOfEvent(limit);
    })
    .replaceAll("max_completion_tokens", t.maxOutputTokensName);
}

/**
 * Shows the limits and models of `GET /api/v1/event`.
 *
 * @param {Element} place
 * @param {AttendeeAccess} access
 */
export function showLimits(place, access) {
  const limits = allLimits(access);
  const closest = [...limits].sort((one, other) => share(one.left) - share(other.left)).slice(0, SHOWN_LIMITS);
  const [shown, folded] = [limits.filter((one) => closest.includes(one)), limits.filter((one) => !closest.includes(one))];
  // What somebody unfolded stays so when the numbers are read again.
  const isOpen = (/** @type {string} */ id) => place.querySelector(`#${id}`)?.hasAttribute("open") ?? false;
  const fold = (/** @type {string} */ id, /** @type {string} */ label, /** @type {import("../types.d.ts").Child[]} */ ...children) =>
    h("details", { id, open: isOpen(id) }, h("summary", {}, label), children);
  fill(place,
    h("p", {}, usageSummary(access.usage)),
    limits.length ? h("dl.limits", {}, shown.map(limitEntry)) : h("p", {}, t.noPersonalLimitsAre),
    folded.length ? fold("all-limits", t.moreLimits(folded.length), h("dl.limits", {}, folded.map(limitEntry))) : null,
    fold("models", t.countOfModels(access.models.length),
      access.models.length ? h("ul.models", {}, access.models.map(modelEntry)) : h("p", {}, t.thisEventHasNo),
      h("p.muted.small", {}, t.requestsAndModels(access.max_completion_tokens, access.max_choices))));
}

/** The limits that are shown at once: those that are closest to their end. */
const SHOWN_LIMITS = 3;

/** @param {LimitLeft} limit */
function share({ allowed, remaining }) {
  return allowed ? remaining / allowed : 0;
}

/**
 * What somebody used, as a sentence.
 *
 * @param {Usage} used
 */
export function usageSummary(used) {
  const cost = used.usd ? t.theyCostAbout(dollars(used.usd)) : "";
  return t.youHaveUsedTokens(used.total_tokens, used.requests, cost);
}

/** @typedef {{ name: string, model: string | null, left: LimitLeft }} ShownLimit */

/**
 * The attendee's limits: those on all models, then those on single ones.
 *
 * @param {AttendeeAccess} access
 * @returns {ShownLimit[]}
 */
function allLimits(access) {
  const shown = (/** @type {string | null} */ model, /** @type {Record<string, LimitLeft>} */ allowance) =>
    inOrder(allowance).map(([name, left]) => ({ name, model, left }));
  return [...shown(null, access.allowance), ...Object.entries(access.allowance_by_model ?? {}).flatMap(([model, allowance]) => shown(model, allowance))];
}

/** @param {Record<string, LimitLeft>} allowance */
function inOrder(allowance) {
  return Object.entries(allowance).sort(([one], [other]) => LIMITS.indexOf(one) - LIMITS.indexOf(other));
}

/**
 * The two limits of tokens, requests or money that are closest to their end, in one line.
 *
 * @param {AttendeeAccess} access
 */
export function remainingSummary(access) {
  const closest = inOrder(access.allowance)
    .filter(([name]) => /^(tokens|requests|usd)_/.test(name))
    .sort(([, one], [, other]) => share(one) - share(other))
    .slice(0, 2);
  if (!closest.length) return t.noPersonalLimitsAre;
  return t.remainingOf(list(closest.map(([name, left]) => t.remainingOfLimit(limitAmount(name, left.remaining), limitAmount(name, left.allowed), limitName(name)))));
}

/** @param {ShownLimit} limit */
function limitEntry({ name, model, left }) {
  const { allowed, remaining, resets_at: resetsAt } = left;
  const wait = resetsAt ? (Date.parse(resetsAt) - Date.now()) / 1000 : 0;
  const reset = remaining < allowed && wait > 0.5 ? t.resetsIn(shortDuration(wait)) : "";
  return h("div", { "data-limit": name, "data-model": model },
    h("dt", {}, limitName(name), model ? [t.ofModel, h("code", {}, model)] : null),
    h("dd", {},
      bar(share(left)),
      h("span", { "data-remaining": remaining }, t.amountLeft(limitAmount(name, remaining), limitAmount(name, allowed))),
      h("span.muted.small", {}, reset)));
}

/** @param {number} part */
function bar(part) {
  const drawing = svg(`svg.bar${part < 0.15 ? ".low" : ""}`, { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(svg("rect", { width: Math.max(0, Math.min(100, part * 100)), height: 10 }));
  return drawing;
}

/** @param {Model} model */
function modelEntry(model) {
  const operations = model.operations.map(operationName).join(", ");
  const defaults = model.default_for.map(operationName).join(", ");
  return h("li", {}, h("code", {}, model.id), ` ${operations}`,
    defaults ? h("span.muted", {}, defaults === operations ? t.isDefault : t.defaultFor(defaults)) : null,
    model.own ? h("span.muted", {}, t.isYourOwn) : null);
}
