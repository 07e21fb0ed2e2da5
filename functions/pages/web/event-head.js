// @ts-check
// The head of an event: name, state, code and the actions on the event as a whole.

/** @import { OrganiserEvent } from "../types.d.ts" */

import { attendeePageUrl, BASE } from "./api.js";
import { copyButton } from "./copy-button.js";
import { fill, h, setText } from "./dom.js";
import { errorNote } from "./errors.js";
import { ask } from "./form.js";
import { withLabels } from "./limits.js";
import { changeEvent, cloneEvent, deleteEvent, resetEvent, revokeAll, runAction } from "./organiser-api.js";
import { eventState, windowLines } from "./time.js";
import * as t from "./texts.js";

/** @typedef {"pause" | "resume" | "rotate-code" | "end"} Step */

/**
 * The head; `show(event, usedUp)` refreshes it, with the warnings about limits that are used up. `changed(event)` gets the event after an action.
 *
 * @param {OrganiserEvent} first
 * @param {(event: OrganiserEvent) => void} changed
 */
export function eventHead(first, changed) {
  const element = h("div");
  const notice = h("div", { "aria-live": "assertive" });
  let event = first;
  let shown = "";
  /** @type {string[]} */
  let ofLimits = [];

  /**
   * @param {OrganiserEvent} now
   * @param {string[]} usedUp
   */
  function show(now, usedUp = ofLimits) {
    event = now;
    ofLimits = usedUp;
    const state = element.querySelector("#state");
    const { text, tone } = eventState(event);
    const drawn = JSON.stringify([event.version, event.paused, event.status, ofLimits]);
    if (drawn === shown && state) {
      // The buttons stay, so that a click is not lost.
      setText(state, text);
      state.className = `badge ${tone}`;
      return;
    }
    shown = drawn;
    const hasEnded = Date.parse(event.ends_at) <= Date.now();
    const step = (/** @type {Step} */ name, /** @type {string} */ label, kind = "") => h(`button${kind}`, { type: "button", id: name, onclick: () => act(name) }, label);
    fill(element,
      h("div.head", {},
        h("h1", {}, event.name),
        h(`p.badge.${tone}`, { id: "state", role: "status" }, text),
        h("p.muted.small", {}, windowLines(event).map((line) => h("span", {}, line, h("br")))),
        h("p", {}, t.codeIs, h("span.code", { id: "event-code" }, event.code), " ", copyButton(() => event.code, t.copyCode), " ", copyButton(() => attendeePageUrl(event), t.copyPageLink)),
        h("div.row", {},
          hasEnded ? null : event.paused ? step("resume", t.resume, ".main") : step("pause", t.pause),
          h("a.button", { href: `#edit=${event.id}` }, t.edit),
          hasEnded ? null : h("button", { type: "button", id: "extend", onclick: extend }, t.extendBy1Hour),
          h("a.button", { href: `${BASE}/pages/handout#event=${event.id}`, id: "handout" }, t.handout),
          h("a.button", { href: attendeePageUrl(event), target: "_blank", rel: "noopener" }, t.attendeePage),
          h("button", { type: "button", id: "clone", onclick: clone }, t.clone),
          hasEnded ? null : step("rotate-code", t.rotateCode),
          h("button.danger", { type: "button", id: "revoke-all", onclick: revoke }, t.revokeAllKeys),
          event.status === "open" ? null : h("button.danger", { type: "button", id: "reset", onclick: reset }, t.resetUsage),
          hasEnded ? h("button.danger", { type: "button", id: "delete-event", onclick: remove }, t.deleteButton) : step("end", t.endNow, ".danger"))),
      notice,
      [...new Set([...event.warnings, ...ofLimits])].map((warning) => h("p.note.warn", {}, withLabels(warning))));
  }

  /** @type {Partial<Record<Step, [string, string]>>} */
  const QUESTIONS = {
    "rotate-code": [t.rotateTheCode, t.theOldCodeWorks],
    end: [t.endTheEventNow, t.itsCodeStopsWorking],
  };

  /** @param {Step} step */
  async function act(step) {
    const [question, words] = QUESTIONS[step] ?? [];
    if (question && !(await ask(question, { yes: step === "end" ? t.endEvent : t.rotateCode, isDangerous: step === "end", content: h("p", {}, words ?? "") }))) return;
    const endBefore = event.ends_at;
    await attempt(async () => {
      const after = await runAction(event.id, step, step === "rotate-code" ? { grace_minutes: 15 } : {});
      /** @type {Record<Step, [string, (() => Promise<OrganiserEvent>)?]>} */
      const done = {
        pause: [t.theEventIsPaused, () => runAction(event.id, "resume", {})],
        resume: [t.theEventIsLive, () => runAction(event.id, "pause", {})],
        "rotate-code": [t.theCodeWasRotated],
        end: [t.theEventHasEnded, () => changeEvent(event.id, { ends_at: endBefore })],
      };
      return [after, ...done[step]];
    });
  }

  async function extend() {
    const before = event.ends_at;
    const end = new Date(Date.parse(before) + 3_600_000).toISOString();
    await attempt(async () => [await changeEvent(event.id, { ends_at: end }), t.theEventEndsOne, () => changeEvent(event.id, { ends_at: before })]);
  }

  async function revoke() {
    const content = h("p", {}, t.everyPersonalKeyAnd);
    if (!(await ask(t.revokeAllKeysQuestion, { yes: t.revokeAll, isDangerous: true, content }))) return;
    await attempt(async () => {
      await revokeAll(event.id);
      return [event, t.allPersonalKeysWere];
    });
  }

  async function reset() {
    const content = [
      h("p", {}, t.useThisAfterA),
      h("p", {}, t.settingsBlocksLimitsOf),
    ];
    if (!(await ask(t.deleteTheUsageOf(event.name), { yes: t.deleteUsage, isDangerous: true, content }))) return;
    await attempt(async () => {
      const { attendees } = await resetEvent(event.id);
      return [event, t.theUsageWasDeleted(attendees)];
    });
  }

  async function remove() {
    const content = h("p", {}, t.itsSettingsAndRoster);
    if (!(await ask(t.deleteEventQuestion(event.name), { yes: t.deleteEvent, isDangerous: true, content }))) return;
    try {
      await deleteEvent(event.id);
      location.hash = "events";
    } catch (error) {
      fill(notice, errorNote(error));
    }
  }

  async function clone() {
    const name = h("input", { id: "clone-name", required: true, maxlength: "128" });
    name.value = `${event.name} (copy)`;
    const starts = h("input", { id: "clone-starts", type: "datetime-local", required: true });
    starts.value = new Date(Date.parse(`${event.starts_at.slice(0, 16)}Z`) + 86_400_000).toISOString().slice(0, 16);
    const content = [
      h("p", {}, t.theCopyHasThe),
      h("p", {}, h("label", { for: "clone-name" }, t.nameLabel), name),
      h("p", {}, h("label", { for: "clone-starts" }, t.startsInZone(event.time_zone)), starts),
    ];
    if (!(await ask(t.cloneThisEvent, { yes: t.clone, content }))) return;
    try {
      const made = await cloneEvent(event, name.value.trim(), starts.value);
      location.hash = `event=${made.id}`;
    } catch (error) {
      fill(notice, errorNote(error));
    }
  }

  /** @param {() => Promise<[OrganiserEvent, string, (() => Promise<OrganiserEvent>)?]>} request */
  async function attempt(request) {
    try {
      const [after, words, undo] = await request();
      changed(after);
      show(after);
      fill(notice, h("p.note.good", { role: "status" }, words, " ",
        undo ? h("button.small", { type: "button", id: "undo-event", onclick: () => attempt(async () => [await undo(), t.undone]) }, t.undo) : null));
    } catch (error) {
      fill(notice, errorNote(error));
    }
  }

  show(first);
  return { element, show };
}
