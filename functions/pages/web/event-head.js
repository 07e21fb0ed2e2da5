// @ts-check
// The head of an event: name, state, code and the actions on the event as a whole.

/** @import { OrganiserEvent } from "../types.d.ts" */

import { BASE } from "./api.js";
import { copyButton } from "./copy-button.js";
import { fill, h, number, setText } from "./dom.js";
import { errorNote } from "./errors.js";
import { ask } from "./form.js";
import { attendeePageUrl, changeEvent, cloneEvent, deleteEvent, resetEvent, revokeAll, runAction } from "./organiser-api.js";
import { eventState, windowLines } from "./time.js";

/** @typedef {"pause" | "resume" | "rotate-code" | "end"} Step */

/**
 * The head; `show(event)` refreshes it. `changed(event)` gets the event after an action.
 *
 * @param {OrganiserEvent} first
 * @param {(event: OrganiserEvent) => void} changed
 */
export function eventHead(first, changed) {
  const element = h("div");
  const notice = h("div", { "aria-live": "assertive" });
  let event = first;
  let shown = "";

  /** @param {OrganiserEvent} now */
  function show(now) {
    event = now;
    const state = element.querySelector("#state");
    const { text, tone } = eventState(event);
    const drawn = JSON.stringify([event.version, event.paused, event.status]);
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
        h("p", {}, "Code ", h("span.code", { id: "event-code" }, event.code), " ", copyButton(() => event.code, "Copy code"), " ", copyButton(() => attendeePageUrl(event), "Copy page link")),
        h("div.row", {},
          hasEnded ? null : event.paused ? step("resume", "Resume", ".main") : step("pause", "Pause"),
          h("a.button", { href: `#edit=${event.id}` }, "Edit"),
          hasEnded ? null : h("button", { type: "button", id: "extend", onclick: extend }, "Extend by 1 hour"),
          h("a.button", { href: `${BASE}/pages/handout#event=${event.id}`, id: "handout" }, "Handout"),
          h("a.button", { href: attendeePageUrl(event), target: "_blank", rel: "noopener" }, "Attendee page"),
          h("button", { type: "button", id: "clone", onclick: clone }, "Clone"),
          hasEnded ? null : step("rotate-code", "Rotate code"),
          h("button.danger", { type: "button", id: "revoke-all", onclick: revoke }, "Revoke all keys"),
          event.status === "open" ? null : h("button.danger", { type: "button", id: "reset", onclick: reset }, "Reset usage"),
          hasEnded ? h("button.danger", { type: "button", id: "delete-event", onclick: remove }, "Delete") : step("end", "End now", ".danger"))),
      notice,
      event.warnings.map((warning) => h("p.note.warn", {}, warning)));
  }

  /** @type {Partial<Record<Step, [string, string]>>} */
  const QUESTIONS = {
    "rotate-code": ["Rotate the code?", "The old code works for another 15 minutes. Signed personal keys keep working."],
    end: ["End the event now?", "Its code stops working for everyone. To reopen the event, edit its end."],
  };

  /** @param {Step} step */
  async function act(step) {
    const [question, words] = QUESTIONS[step] ?? [];
    if (question && !(await ask(question, { yes: step === "end" ? "End event" : "Rotate code", isDangerous: step === "end", content: h("p", {}, words ?? "") }))) return;
    const endBefore = event.ends_at;
    await attempt(async () => {
      const after = await runAction(event.id, step, step === "rotate-code" ? { grace_minutes: 15 } : {});
      /** @type {Record<Step, [string, (() => Promise<OrganiserEvent>)?]>} */
      const done = {
        pause: ["The event is paused. Requests are rejected within ten seconds.", () => runAction(event.id, "resume", {})],
        resume: ["The event is live again.", () => runAction(event.id, "pause", {})],
        "rotate-code": ["The code was rotated."],
        end: ["The event has ended.", () => changeEvent(event.id, { ends_at: endBefore })],
      };
      return [after, ...done[step]];
    });
  }

  async function extend() {
    const before = event.ends_at;
    const end = new Date(Date.parse(before) + 3_600_000).toISOString();
    await attempt(async () => [await changeEvent(event.id, { ends_at: end }), "The event ends one hour later.", () => changeEvent(event.id, { ends_at: before })]);
  }

  async function revoke() {
    const content = h("p", {}, "Every personal key and signed token stops working. Attendees must register again, or get new ones from you. The event code keeps working.");
    if (!(await ask("Revoke all keys?", { yes: "Revoke all", isDangerous: true, content }))) return;
    await attempt(async () => {
      await revokeAll(event.id);
      return [event, "All personal keys were revoked."];
    });
  }

  async function reset() {
    const content = [
      h("p", {}, "Use this after a rehearsal. Tokens, requests, errors, sessions, ratings and the list of attendees start at zero."),
      h("p", {}, "Settings, blocks, limits of single attendees, the roster and keys stay. It cannot be undone."),
    ];
    if (!(await ask(`Delete the usage of ${event.name}?`, { yes: "Delete usage", isDangerous: true, content }))) return;
    await attempt(async () => {
      const { attendees } = await resetEvent(event.id);
      return [event, `The usage was deleted. ${number(attendees)} ${attendees === 1 ? "attendee" : "attendees"} had joined.`];
    });
  }

  async function remove() {
    const content = h("p", {}, "Its settings and roster are deleted as well. Usage must be reset first. It cannot be undone.");
    if (!(await ask(`Delete ${event.name}?`, { yes: "Delete event", isDangerous: true, content }))) return;
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
      h("p", {}, "The copy has the same settings, limits, models and length, and a code of its own. It has no attendees."),
      h("p", {}, h("label", { for: "clone-name" }, "Name"), name),
      h("p", {}, h("label", { for: "clone-starts" }, `Starts (${event.time_zone})`), starts),
    ];
    if (!(await ask("Clone this event", { yes: "Clone", content }))) return;
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
        undo ? h("button.small", { type: "button", id: "undo-event", onclick: () => attempt(async () => [await undo(), "Undone."]) }, "Undo") : null));
    } catch (error) {
      fill(notice, errorNote(error));
    }
  }

  show(first);
  return { element, show };
}
