// @ts-check
// Registration: an attendee gets their own key, and sees it again with the same passphrase.

import { register } from "./api.js";
import { copyButton } from "./copy-button.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import * as t from "./texts.js";

/**
 * The registration form. `onKey(key)` is called with the key.
 *
 * @param {{ id: string, code: string, user: string }} who
 * @param {(key: string) => void} onKey
 */
export function registrationForm({ id, code, user }, onKey) {
  const result = h("div", { "aria-live": "polite" });
  const proof = h("input", {
    id: "proof", type: "password", required: true, minlength: "12", maxlength: "256", autocomplete: "new-password",
    "aria-describedby": "proof-hint",
  });
  const button = h("button.main", {}, t.getMyKey);
  const form = h("form.card", { onsubmit: submit },
    h("h2", {}, t.keyFor(user)),
    h("p", {}, t.atThisEventEvery),
    h("label", { for: "proof" }, t.passphrase),
    proof,
    h("span.hint", { id: "proof-hint" }, t.atLeast12Characters),
    h("p.row.submit-row", {}, button),
    result);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      const key = await register(id, `${code}/${user}`, proof.value);
      fill(result, h("div.note.good", {},
        h("p", {}, t.thisIsYourKey),
        h("p", {}, h("code", {}, key)),
        copyButton(() => key)));
      onKey(key);
    } catch (error) {
      fill(result, errorNote(error));
    } finally {
      button.disabled = false;
    }
  }
  return form;
}
