// @ts-check
// The signed tokens that an event issued to single attendees.

/** @import { IssuedToken } from "../types.d.ts" */

import { h } from "./dom.js";
import { ask } from "./form.js";
import { lazySection, table } from "./lazy-section.js";
import { listTokens, revokeToken } from "./organiser-api.js";

/**
 * The tokens of an event; `changed()` is called after one was revoked.
 *
 * @param {string} id
 * @param {() => void} changed
 */
export function issuedTokensView(id, changed) {
  const section = lazySection("issued-tokens", "Personal keys that you issued", async () => {
    const tokens = await listTokens(id);
    if (!tokens.length) return [h("p.muted", {}, "None. The details of an attendee have a button that issues one.")];
    const date = (/** @type {string} */ at) => new Date(at).toLocaleString("en-GB");
    const action = (/** @type {IssuedToken} */ token) => (token.revoked ? h("span.badge.bad", {}, "Revoked")
      : h("button.small.danger", { type: "button", "data-token": token.user, "aria-label": `Revoke the key of ${token.user}`, onclick: () => revoke(token) }, "Revoke"));
    return [table("Issued keys", ["Attendee", "Issued", "Expires", "Actions"], tokens.map((token) =>
      [token.user, date(token.issued_at), date(token.expires_at), action(token)]))];
  });

  /** @param {IssuedToken} token */
  async function revoke(token) {
    if (!(await ask(`Revoke the key of ${token.user}?`, { yes: "Revoke", isDangerous: true, content: h("p", {}, "It stops working within ten seconds.") }))) return;
    await revokeToken(id, token.jti);
    await section.load();
    changed();
  }
  return section.element;
}
