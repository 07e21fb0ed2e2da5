// @ts-check
// The details of one attendee: usage, exact limits, and everything that an organiser can do for them.

/** @import { AllowanceChange, Attendee, AttendeeChange, AttendeeDetails, CurrentRefusal, Limits, LimitsByModel, OrganiserEvent } from "../types.d.ts" */

import { asApiError } from "./api.js";
import { copyButton } from "./copy-button.js";
import { fill, h } from "./dom.js";
import { errorNote, reason } from "./errors.js";
import { ask, capitalised, clearProblems, fieldOf, showProblems } from "./form.js";
import { table } from "./lazy-section.js";
import { LIMITS, dollars, limitAmount, limitInput, limitName, ownLimits, withLabels } from "./limits.js";
import { dateTime, number } from "./locale.js";
import { changeAttendee, deleteOwnDeployment, deleteRegistration, freeSeat, issueToken, listOwnDeployments, readAttendee } from "./organiser-api.js";
import * as t from "./texts.js";

/** Factor of "Double all limits". */
const FACTOR = 2;

/**
 * Opens the details. `changed(attendee)` gets the attendee after a change, or null after their seat was freed.
 *
 * @param {OrganiserEvent} event
 * @param {Attendee} attendee
 * @param {(attendee: Attendee | null) => void} changed
 */
export function openDrawer(event, attendee, changed) {
  const eventId = event.id;
  const { user } = attendee;
  const isRegistered = event.access === "registered";
  const result = h("div", { "aria-live": "assertive" });
  const body = h("div");
  const dialog = h("dialog.drawer", { "aria-labelledby": "drawer-title", id: "drawer", onclose: () => dialog.remove() });
  const models = h("div", { id: "drawer-models" }, h("p.muted", {}, t.loading));
  const rejected = h("div", {}, h("p.muted", {}, t.loading));
  const refusals = h("div", { id: "drawer-refusals", "aria-live": "polite" });
  const own = h("div");
  let current = attendee;

  /** @param {AttendeeChange} change */
  async function apply(change) {
    clearProblems(dialog);
    try {
      current = await changeAttendee(eventId, user, change);
      changed(current);
      show();
      showDetails();
      fill(result, h("p.note.good", { role: "status" }, t.saved), (current.warnings ?? []).map((warning) => h("p.note.warn", { role: "status" }, withLabels(warning))));
    } catch (error) {
      fill(result, errorNote(error));
      showProblems(dialog, asApiError(error).details);
    }
  }

  /** @param {() => Promise<unknown>} request */
  async function attempt(request) {
    try {
      await request();
    } catch (error) {
      fill(result, errorNote(error));
    }
  }

  function limitsForm() {
    const controls = places(event).map((place) => {
      const control = h("input", { ...limitInput(place.name), placeholder: t.noLimit });
      control.value = String(valueAt(current.allowance, place) ?? "");
      return { place, control, before: control.value, own: isOwn(current, place) };
    });
    /** @param {SubmitEvent} event */
    const submit = (event) => {
      event.preventDefault();
      const changes = controls.filter(({ control, before }) => control.value !== before);
      if (changes.length) apply({ allowance: limitsChange(changes.map(({ place, control }) => ({ place, value: control.value === "" ? null : Number(control.value) }))) });
    };
    return h("form", { onsubmit: submit, id: "limits-form", novalidate: true },
      h("div.grid", {}, controls.map(({ place: { model, name }, control, own }) => fieldOf(
        model === null ? `allowance.${name}` : `allowance.by_model.${model}.${name}`,
        model === null ? capitalised(limitName(name)) : `${model}: ${limitName(name)}`, control,
        own ? t.setForThisAttendee : t.theEventsLimit))),
      h("p.row", {}, h("button.main.small", {}, t.saveLimits),
        h("button.small", { type: "button", "data-action": "raise", onclick: raise }, t.doubleAllLimitsButton),
        ownLimits(current).length ? h("button.small", { type: "button", "data-action": "reset", onclick: () => apply({ allowance: null }) }, t.resetLimits) : null));
  }

  async function raise() {
    if (await ask(t.doubleAllLimitsOf(user), { yes: t.doubleLimits })) await apply({ allowance: doubled(current.allowance) });
  }

  function giveToken() {
    return attempt(async () => {
      const { token = "", expires_at: until } = await issueToken(eventId, user, 7);
      fill(result, h("div.note.good", { role: "status" },
        h("p", {}, t.thisKeyIsFor(user, dateTime(until, event.time_zone))),
        h("p", {}, h("code", { id: "issued-token" }, token)), copyButton(() => token)));
    });
  }

  async function free() {
    const [question, yes, text] = current.joined_at ? [t.freeTheSeatOf(user), t.freeSeat, t.onlyTheSeatOf] : [t.removeAttendee(user), t.remove, t.theirBlockAndLimits];
    if (!(await ask(question, { yes, isDangerous: true, content: h("p", {}, text) }))) return;
    await attempt(async () => {
      await freeSeat(eventId, user);
      changed(null);
      dialog.close();
    });
  }

  async function unregister() {
    const content = h("p", {}, t.theirKeyStopsWorking);
    if (!(await ask(t.deleteTheRegistrationOf(user), { yes: t.deleteRegistration, isDangerous: true, content }))) return;
    await attempt(async () => {
      await deleteRegistration(eventId, user);
      fill(result, h("p.note.good", { role: "status" }, t.theRegistrationWasDeleted));
    });
  }

  function show() {
    const { usage } = current;
    const fact = (/** @type {string} */ label, /** @type {string} */ value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
    fill(body, refusals,
      h("dl.facts", {},
        fact(t.status, current.blocked ? t.blocked : current.joined_at ? t.joined : t.notJoined),
        fact(t.joined, current.joined_at ? dateTime(current.joined_at, event.time_zone) : t.notYet),
        fact(t.requests, number(usage.requests)),
        fact(t.inputTokens, number(usage.prompt_tokens)),
        fact(t.outputTokens, number(usage.completion_tokens)),
        fact(t.cost, dollars(usage.usd ?? 0)),
        fact(t.inProgress, t.tokensReserved(current.in_flight, usage.held_tokens ?? 0))),
      h("h3", {}, t.models), models,
      h("h3", {}, t.rejectedRequests), rejected,
      h("h3", {}, t.limits), limitsForm(),
      h("h3", {}, t.access),
      h("p.row", {},
        h(`button.small${current.blocked ? "" : ".danger"}`, { type: "button", "data-action": current.blocked ? "unblock" : "block", onclick: () => apply({ blocked: !current.blocked }) },
          current.blocked ? t.unblock : t.block),
        h("button.small", { type: "button", "data-action": "token", onclick: giveToken }, t.issuePersonalKey),
        isRegistered ? h("button.small.danger", { type: "button", "data-action": "unregister", onclick: unregister }, t.deleteRegistration) : null,
        // Of somebody who is expected and has not come, there is no seat to free.
        current.joined_at || !(current.on_roster || current.registered)
          ? h("button.small.danger", { type: "button", "data-action": "free", onclick: free }, current.joined_at ? t.freeSeat : t.remove)
          : null),
      event.own_deployments === "none" ? null : [h("h3", {}, t.deploymentsOfThisAttendee), own]);
  }

  async function showDetails() {
    try {
      const { rejected: requests, by_model: rows, refused_by: refused, usage } = await readAttendee(eventId, user);
      fill(refusals, refused.length
        ? h("div.note.warn", {}, h("p", {}, h("strong", {}, t.refusedNow)), h("ul", {}, refused.map((one) => h("li", {}, refusal(one, event.time_zone)))))
        : null);
      fill(models, modelTable(rows, usage.requests, event.records_requests));
      fill(rejected, requests.length
        ? table(t.rejectedRequests, [t.lastTime, t.reason], requests.map(({ at, code }) => [dateTime(at, event.time_zone), reason(code)]))
        : h("p.muted", {}, t.noneAtAll));
    } catch (error) {
      fill(models);
      fill(rejected, errorNote(error, showDetails));
    }
  }

  async function showOwn() {
    try {
      const deployments = await listOwnDeployments(eventId, user);
      fill(own,
        deployments.length ? table(t.deploymentsOfThisAttendee, [t.nameLabel, t.endpoint, t.actions], deployments.map((each) => [each.name, each.endpoint,
          h("button.small.danger", { type: "button", "data-own": each.name, "aria-label": t.deleteNamed(each.name), onclick: () => attempt(async () => { await deleteOwnDeployment(eventId, user, each); await showOwn(); }) }, t.deleteButton)])) : null,
        h("p", {}, h("a.button.small", { href: `#${new URLSearchParams({ "own-deployment": eventId, user })}`, "data-action": "add-own", onclick: () => dialog.close() }, t.addDeployment)));
    } catch (error) {
      fill(own, errorNote(error, showOwn));
    }
  }

  show();
  showDetails();
  if (event.own_deployments !== "none") showOwn();
  fill(dialog, h("div.row.spread", {}, h("h2", { id: "drawer-title" }, user), h("button.small", { type: "button", id: "drawer-close", onclick: () => dialog.close() }, t.close)),
    result, body);
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * What refuses the requests of an attendee now: whose limit it is, what is left, and when it ends.
 *
 * @param {CurrentRefusal} one
 * @param {string} zone the event's
 */
function refusal({ scope, code, limit, ends_at: until }, zone) {
  const end = until ? t.until(dateTime(until, zone)) : "";
  if (!limit) return `${reason(code)}${end}`;
  const amount = (/** @type {number} */ value) => limitAmount(limit.name, value);
  const name = limit.model ? `${limit.model}: ${limitName(limit.name)}` : limitName(limit.name);
  const named = scope === "event" ? t.limitOfEvent(name) : t.limitOfAttendee(name);
  const left = limit.remaining === undefined ? amount(limit.allowed) : t.amountLeft(amount(limit.remaining), amount(limit.allowed));
  // A request that asks for less output than the service fills in may still be admitted.
  const isTooLittle = (limit.remaining ?? (code === "allowance_too_small" ? limit.allowed : 0)) > 0;
  return `${named}: ${left}${isTooLittle ? t.tooLittle : ""}${end}`;
}

/**
 * Usage by model. Where records are missing, it says how many.
 *
 * @param {AttendeeDetails["by_model"]} rows
 * @param {number} requests of the attendee
 * @param {boolean} isRecorded whether the event keeps records
 */
function modelTable(rows, requests, isRecorded) {
  const known = rows.reduce((sum, row) => sum + row.requests, 0);
  const cells = rows.map((row) => [row.model ?? t.unknown, number(row.requests), number(row.prompt_tokens), number(row.completion_tokens), row.usd === undefined ? "–" : dollars(row.usd)]);
  return [
    rows.length ? table(t.models, [t.model, t.requests, t.inputTokens, t.outputTokens, t.cost], cells) : h("p.muted", {}, isRecorded || !requests ? t.noneAtAll : t.noRecordsAreKept),
    rows.length && known < requests ? h("p.muted.small", {}, t.recordsOfRequests(known, requests)) : null,
  ];
}

/**
 * All limits doubled, also those on single models.
 *
 * @param {AllowanceChange} allowance
 * @returns {AllowanceChange}
 */
export function doubled(allowance) {
  return Object.fromEntries(Object.entries(allowance).flatMap(([name, value]) => {
    if (value === null) return [];
    return [[name, typeof value === "number" ? value * FACTOR : doubled(value)]];
  }));
}

/** @typedef {{ model: string | null, name: string }} Place */

/**
 * The limits on single models among those of an account.
 *
 * @param {Limits} allowance
 */
function byModel(allowance) {
  return /** @type {LimitsByModel} */ (/** @type {unknown} */ (allowance)).by_model ?? {};
}

/**
 * The limits that an attendee can have: on all models, and those on single models that the event sets.
 *
 * @param {OrganiserEvent} event
 * @returns {Place[]}
 */
function places(event) {
  const ofModels = Object.entries(byModel(event.allowances.attendee))
    .flatMap(([model, limits]) => Object.keys(limits).map((name) => ({ model, name })));
  return [...LIMITS.map((name) => ({ model: null, name })), ...ofModels];
}

/**
 * @param {Limits} allowance
 * @param {Place} place
 */
function valueAt(allowance, { model, name }) {
  return model === null ? allowance[name] : byModel(allowance)[model]?.[name];
}

/**
 * @param {Attendee} attendee
 * @param {Place} place
 */
function isOwn({ own_limits: all, own_limits_by_model: ofModels = {} }, { model, name }) {
  return (model === null ? all : ofModels[model] ?? []).includes(name);
}

/**
 * The change that sets some limits.
 *
 * @param {{ place: Place, value: number | null }[]} changes
 */
function limitsChange(changes) {
  /** @type {AllowanceChange} */
  const allowance = {};
  /** @type {Record<string, AllowanceChange>} */
  const models = {};
  for (const { place: { model, name }, value } of changes) {
    if (model === null) allowance[name] = value;
    else models[model] = { ...models[model], [name]: value };
  }
  return Object.keys(models).length ? { ...allowance, by_model: models } : allowance;
}
