// @ts-check
// Registration: an attendee gets their own key, and sees it again with the same passphrase.

import { asApiError, register } from "./api.js";
import { copyButton } from "./copy-button.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import * as t from "./texts.js";

/**
 * The registration form. `onKey(key)` is called with the key. After the event nobody registers, but the key of a name
 * that is registered can still be had.
 *
 * @param {{ id: string, code: string, user: string, hasEnded: boolean }} who
 * @param {(key: string) => void} onKey
 */
export function registrationForm({ id, code, user, hasEnded }, onKey) {
  const result = h("div", { "aria-live": "polite" });
  const proof = h("input", {
    id: "proof", type: "password", required: true, minlength: "12", maxlength: "256", autocomplete: hasEnded ? "current-password" : "new-password",
    "aria-describedby": "proof-hint",
  });
  const button = h("button.main", {}, hasEnded ? t.showMyUsage : t.getMyKey);
  const form = h("form.card", { onsubmit: submit },
    h("h2", {}, t.keyFor(user)),
    h("p", {}, hasEnded ? t.enterYourPassphrase : t.atThisEventEvery),
    h("label", { for: "proof" }, t.passphrase),
    proof,
    h("span.hint", { id: "proof-hint" }, hasEnded ? "" : t.atLeast12Characters),
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
      // After the event this is the refusal of a name that nobody registered.
      const isUnknown = hasEnded && asApiError(error).code === "event_ended";
      fill(result, isUnknown ? h("p.note.bad", { role: "alert" }, t.nothingWasUsedBy(user)) : errorNote(error));
    } finally {
      button.disabled = false;
    }
  }
  return form;
}
