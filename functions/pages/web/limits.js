// @ts-check
// An attendee's limits and what remains of them.

/** @import { AttendeeAccess, LimitLeft, Model, Usage } from "../types.d.ts" */

import { fill, h, number, svg } from "./dom.js";
import { shortDuration } from "./time.js";

// In the order in which they are shown.
/** @type {Record<string, string>} */
const LIMIT_NAMES = {
  tokens_total: "total tokens",
  tokens_per_day: "tokens per day",
  tokens_per_minute: "tokens per minute",
  requests_per_day: "requests per day",
  requests_per_minute: "requests per minute",
  in_flight: "concurrent requests",
  images_total: "images",
  audio_seconds_total: "audio seconds",
  characters_total: "text-to-speech characters",
  video_seconds_total: "video seconds",
  usd_total: "US dollars",
  usd_per_day: "US dollars per day",
};

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
  return new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: digits }).format(value);
}

/** The names of all limits. */
export const LIMITS = Object.keys(LIMIT_NAMES);

/** The names of the limits that a single model can have. */
export const LIMITS_BY_MODEL = ["requests_total", ...LIMITS];

/** @type {Record<string, string>} */
const OPERATION_NAMES = {
  chat_completions: "chat", completions: "legacy completions", embeddings: "embeddings", responses: "responses",
  images_generations: "images", images_edits: "image edits", audio_transcriptions: "transcription",
  audio_translations: "audio translation", audio_speech: "text to speech", moderations: "moderation",
  messages: "Claude", conversations: "conversations", files: "files", vector_stores: "vector stores", assistants: "assistants", threads: "threads", videos: "videos",
};

/** The names of all operations. */
export const OPERATIONS = Object.keys(OPERATION_NAMES);

/**
 * The label of an operation.
 *
 * @param {string} name
 */
export function operationName(name) {
  return OPERATION_NAMES[name] ?? name.replaceAll("_", " ");
}

/**
 * The label of a limit.
 *
 * @param {string} name
 */
export function limitName(name) {
  return LIMIT_NAMES[name] ?? (name === "requests_total" ? "requests" : name.replaceAll("_", " "));
}

/**
 * The label of a limit as the label of a field.
 *
 * @param {string} name
 */
export function capitalisedLimit(name) {
  const label = limitName(name);
  return label.charAt(0).toUpperCase() + label.slice(1);
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
    limits.length ? h("dl.limits", {}, shown.map(limitEntry)) : h("p", {}, "No personal limits are set."),
    folded.length ? fold("all-limits", `${folded.length} more ${folded.length === 1 ? "limit" : "limits"}`, h("dl.limits", {}, folded.map(limitEntry))) : null,
    fold("models", `${access.models.length} ${access.models.length === 1 ? "model" : "models"}`,
      access.models.length ? h("ul.models", {}, access.models.map(modelEntry)) : h("p", {}, "This event has no models yet."),
      h("p.muted.small", {}, "A request that names no model uses the default model. "
        + `A response has at most ${number(access.max_completion_tokens)} tokens per choice, fewer where the model writes less, `
        + `and at most ${number(access.max_choices)} ${access.max_choices === 1 ? "choice" : "choices"}. `
        + "A token is about four characters of English text. Both the prompt and the response count.")));
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
  const cost = used.usd ? ` They cost about ${dollars(used.usd)}.` : "";
  return `You have used ${number(used.total_tokens)} tokens in ${number(used.requests)} ${used.requests === 1 ? "request" : "requests"}.${cost}`;
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
 * The two limits that are closest to their end, in one line.
 *
 * @param {AttendeeAccess} access
 */
export function remainingSummary(access) {
  const closest = inOrder(access.allowance)
    .filter(([name]) => /^(tokens|requests)_/.test(name))
    .sort(([, one], [, other]) => one.remaining / one.allowed - other.remaining / other.allowed)
    .slice(0, 2);
  if (!closest.length) return "No personal limits are set.";
  return `Remaining: ${closest.map(([name, left]) => `${number(left.remaining)} of ${number(left.allowed)} ${limitName(name)}`).join(", ")}.`;
}

/** @param {ShownLimit} limit */
function limitEntry({ name, model, left }) {
  const { allowed, remaining, resets_at: resetsAt } = left;
  const wait = resetsAt ? (Date.parse(resetsAt) - Date.now()) / 1000 : 0;
  const reset = remaining < allowed && wait > 0.5 ? `; resets in ${shortDuration(wait)}` : "";
  return h("div", { "data-limit": name, "data-model": model },
    h("dt", {}, limitName(name), model ? [" of ", h("code", {}, model)] : null),
    h("dd", {},
      bar(share(left)),
      h("span", { "data-remaining": remaining }, isMoney(name) ? `${dollars(remaining)} of ${dollars(allowed)} left` : `${number(remaining)} of ${number(allowed)} left`),
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
  const operations = model.operations.map((operation) => OPERATION_NAMES[operation] ?? operation).join(", ");
  const defaults = model.default_for.map((operation) => OPERATION_NAMES[operation] ?? operation).join(", ");
  return h("li", {}, h("code", {}, model.id), ` ${operations}`,
    defaults ? h("span.muted", {}, defaults === operations ? " (default)" : ` (default for ${defaults})`) : null,
    model.own ? h("span.muted", {}, " (your own)") : null);
}
