// @ts-check
// A key of one's own, where the event asks for it: registering, and seeing the key again by the same words.

/** @import { Refusal } from "./api.js" */

import { register } from "./api.js";
import { copyButton } from "./copy.js";
import { fill, h } from "./dom.js";
import { note } from "./errors.js";

/**
 * The event that a refusal names, if it asks for a registration.
 *
 * @param {Refusal} fault
 */
export function eventOf(fault) {
  return /\/api\/event\/([A-Za-z0-9_-]+)\/register/.exec(fault.message)?.[1] ?? null;
}

/**
 * The form. `admitted(key)` is called with the key.
 *
 * @param {{ id: string, code: string, user: string }} who
 * @param {(key: string) => void} admitted
 */
export function registration({ id, code, user }, admitted) {
  const said = h("div", { "aria-live": "polite" });
  const proof = h("input", {
    id: "proof", type: "password", required: true, minlength: "12", maxlength: "256", autocomplete: "new-password",
    "aria-describedby": "proof-hint",
  });
  const button = h("button.main", {}, "Get my key");
  const form = h("form.card", { onsubmit: submit },
    h("h2", {}, `Key for ${user}`),
    h("p", {}, "At this event, every attendee has their own key. Choose a passphrase. You need it to see your key again."),
    h("label", { for: "proof" }, "Passphrase"),
    proof,
    h("span.hint", { id: "proof-hint" }, "At least 12 characters. Nobody can recover it if you forget it."),
    h("p.row.enter", {}, button),
    said);

  /** @param {SubmitEvent} submitted */
  async function submit(submitted) {
    submitted.preventDefault();
    button.disabled = true;
    try {
      const key = await register(id, `${code}/${user}`, proof.value);
      fill(said, h("div.note.good", {},
        h("p", {}, "This is your key. The code examples below already use it."),
        h("p", {}, h("code", {}, key)),
        copyButton(() => key)));
      admitted(key);
    } catch (fault) {
      fill(said, note(fault));
    } finally {
      button.disabled = false;
    }
  }
  return form;
}
