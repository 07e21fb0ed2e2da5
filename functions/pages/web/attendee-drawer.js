// @ts-check
// The details of one attendee: usage, exact limits, and everything that an organiser can do for them.

/** @import { Attendee, AttendeeChange, Limits, OrganiserEvent } from "../types.d.ts" */

import { asApiError } from "./api.js";
import { copyButton } from "./copy-button.js";
import { fill, h, number } from "./dom.js";
import { errorNote, reason } from "./errors.js";
import { ask, capitalised, clearProblems, fieldOf, showProblems } from "./form.js";
import { table } from "./lazy-section.js";
import { LIMITS, dollars, limitInput, limitName } from "./limits.js";
import { changeAttendee, deleteOwnDeployment, deleteRegistration, freeSeat, issueToken, listOwnDeployments, readAttendee } from "./organiser-api.js";

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
  const rejected = h("div", {}, h("p.muted", {}, "Loading…"));
  const own = h("div");
  let current = attendee;

  /** @param {AttendeeChange} change */
  async function apply(change) {
    clearProblems(dialog);
    try {
      current = await changeAttendee(eventId, user, change);
      changed(current);
      show();
      fill(result, h("p.note.good", { role: "status" }, "Saved."));
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
    const controls = LIMITS.map((name) => {
      const control = h("input", { ...limitInput(name), placeholder: "no limit" });
      control.value = String(current.allowance[name] ?? "");
      return { name, control, before: control.value };
    });
    /** @param {SubmitEvent} event */
    const submit = (event) => {
      event.preventDefault();
      const changes = controls.filter(({ control, before }) => control.value !== before)
        .map(({ name, control }) => [name, control.value === "" ? null : Number(control.value)]);
      // Limits of their own that did not change are sent again, because the API replaces them as a whole.
      const own = current.own_limits.map((name) => [name, current.allowance[name] ?? null]);
      if (changes.length) apply({ allowance: Object.fromEntries([...own, ...changes]) });
    };
    return h("form", { onsubmit: submit, id: "limits-form", novalidate: true },
      h("div.grid", {}, controls.map(({ name, control }) => fieldOf(`allowance.${name}`, capitalised(limitName(name)), control,
        current.own_limits.includes(name) ? "Set for this attendee." : "The event's limit."))),
      h("p.row", {}, h("button.main.small", {}, "Save limits"),
        h("button.small", { type: "button", "data-action": "raise", onclick: raise }, "Double all limits…"),
        current.own_limits.length ? h("button.small", { type: "button", "data-action": "reset", onclick: () => apply({ allowance: null }) }, "Reset limits") : null));
  }

  async function raise() {
    if (await ask(`Double all limits of ${user}?`, { yes: "Double limits" })) await apply({ allowance: doubled(current.allowance) });
  }

  function giveToken() {
    return attempt(async () => {
      const { token = "", expires_at: until } = await issueToken(eventId, user, 7);
      fill(result, h("div.note.good", { role: "status" },
        h("p", {}, `This key is for ${user} only and works until ${new Date(until).toLocaleString("en-GB")}. It is shown only once.`),
        h("p", {}, h("code", { id: "issued-token" }, token)), copyButton(() => token)));
    });
  }

  async function free() {
    const content = h("p", {}, "Only the seat of an attendee who has used nothing can be freed.");
    if (!(await ask(`Free the seat of ${user}?`, { yes: "Free seat", isDangerous: true, content }))) return;
    await attempt(async () => {
      await freeSeat(eventId, user);
      changed(null);
      dialog.close();
    });
  }

  async function unregister() {
    const content = h("p", {}, "Their key stops working. Anyone with the code can then claim this name.");
    if (!(await ask(`Delete the registration of ${user}?`, { yes: "Delete registration", isDangerous: true, content }))) return;
    await attempt(async () => {
      await deleteRegistration(eventId, user);
      fill(result, h("p.note.good", { role: "status" }, "The registration was deleted."));
    });
  }

  function show() {
    const { usage } = current;
    const fact = (/** @type {string} */ label, /** @type {string} */ value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
    fill(body,
      h("dl.facts", {},
        fact("Status", current.blocked ? "Blocked" : current.joined_at ? "Joined" : "Not joined"),
        fact("Joined", current.joined_at ? new Date(current.joined_at).toLocaleString("en-GB") : "Not yet"),
        fact("Requests", number(usage.requests)),
        fact("Input tokens", number(usage.prompt_tokens)),
        fact("Output tokens", number(usage.completion_tokens)),
        fact("Cost", dollars(usage.usd ?? 0)),
        fact("In progress", `${number(current.in_flight)} (${number(usage.held_tokens ?? 0)} tokens reserved)`)),
      h("h3", {}, "Rejected requests"), rejected,
      h("h3", {}, "Limits"), limitsForm(),
      h("h3", {}, "Access"),
      h("p.row", {},
        h(`button.small${current.blocked ? "" : ".danger"}`, { type: "button", "data-action": current.blocked ? "unblock" : "block", onclick: () => apply({ blocked: !current.blocked }) },
          current.blocked ? "Unblock" : "Block"),
        h("button.small", { type: "button", "data-action": "token", onclick: giveToken }, "Issue personal key"),
        isRegistered ? h("button.small.danger", { type: "button", "data-action": "unregister", onclick: unregister }, "Delete registration") : null,
        h("button.small.danger", { type: "button", "data-action": "free", onclick: free }, "Free seat")),
      event.own_deployments === "none" ? null : [h("h3", {}, "Deployments of this attendee"), own]);
  }

  async function showRejected() {
    try {
      const { rejected: requests } = await readAttendee(eventId, user);
      fill(rejected, requests.length
        ? table("Rejected requests", ["Last time", "Reason"], requests.map(({ at, code }) => [new Date(at).toLocaleString("en-GB"), reason(code)]))
        : h("p.muted", {}, "None."));
    } catch (error) {
      fill(rejected, errorNote(error, showRejected));
    }
  }

  async function showOwn() {
    try {
      const deployments = await listOwnDeployments(eventId, user);
      fill(own,
        deployments.length ? table("Deployments of this attendee", ["Name", "Endpoint", "Actions"], deployments.map((each) => [each.name, each.endpoint,
          h("button.small.danger", { type: "button", "data-own": each.name, "aria-label": `Delete ${each.name}`, onclick: () => attempt(async () => { await deleteOwnDeployment(eventId, user, each); await showOwn(); }) }, "Delete")])) : null,
        h("p", {}, h("a.button.small", { href: `#${new URLSearchParams({ "own-deployment": eventId, user })}`, "data-action": "add-own", onclick: () => dialog.close() }, "Add deployment")));
    } catch (error) {
      fill(own, errorNote(error, showOwn));
    }
  }

  show();
  showRejected();
  if (event.own_deployments !== "none") showOwn();
  fill(dialog, h("div.row.spread", {}, h("h2", { id: "drawer-title" }, user), h("button.small", { type: "button", id: "drawer-close", onclick: () => dialog.close() }, "Close")),
    result, body);
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * All limits doubled.
 *
 * @param {Limits} allowance
 */
export function doubled(allowance) {
  return Object.fromEntries(Object.entries(allowance).flatMap(([name, value]) => (value === null ? [] : [[name, value * FACTOR]])));
}
