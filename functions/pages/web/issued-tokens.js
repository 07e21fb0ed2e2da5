// @ts-check
// The signed tokens that an event issued to single attendees.

/** @import { IssuedToken, OrganiserEvent } from "../types.d.ts" */

import { h } from "./dom.js";
import { ask } from "./form.js";
import { lazySection, table } from "./lazy-section.js";
import { dateTime } from "./locale.js";
import { listTokens, revokeToken } from "./organiser-api.js";
import * as t from "./texts.js";

/**
 * The tokens of an event; `changed()` is called after one was revoked.
 *
 * @param {OrganiserEvent} event
 * @param {() => void} changed
 */
export function issuedTokensView({ id, time_zone: zone }, changed) {
  const section = lazySection("issued-tokens", t.personalKeysThatYou, async () => {
    const tokens = await listTokens(id);
    if (!tokens.length) return [h("p.muted", {}, t.noneTheDetailsOf)];
    const date = (/** @type {string} */ at) => dateTime(at, zone);
    const action = (/** @type {IssuedToken} */ token) => (token.revoked ? h("span.badge.bad", {}, t.revoked)
      : h("button.small.danger", { type: "button", "data-token": token.user, "aria-label": t.revokeTheKeyOf(token.user), onclick: () => revoke(token) }, t.revoke));
    return [table(t.issuedKeys, [t.attendeeHead, t.issued, t.expires, t.actions], tokens.map((token) =>
      [token.user, date(token.issued_at), date(token.expires_at), action(token)]))];
  });

  /** @param {IssuedToken} token */
  async function revoke(token) {
    if (!(await ask(t.revokeTheKeyQuestion(token.user), { yes: t.revoke, isDangerous: true, content: h("p", {}, t.itStopsWorkingWithin) }))) return;
    await revokeToken(id, token.jti);
    await section.load();
    changed();
  }
  return section.element;
}
