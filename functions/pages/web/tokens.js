// @ts-check
// The organiser's own tokens: list, make and revoke.

/** @import { OrganiserToken } from "../types.d.ts" */

import { copyButton } from "./copy-button.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { ask } from "./form.js";
import { dateTime } from "./locale.js";
import { createOrganiserToken, listOrganiserTokens, revokeOrganiserToken } from "./organiser-api.js";
import * as t from "./texts.js";

/** The view of all tokens. It loads them itself. */
export function tokensView() {
  const result = h("div", { "aria-live": "polite" });
  const table = h("div.scroll", { tabindex: "0", role: "region", "aria-label": t.organiserTokens });
  const name = h("input", { id: "token-name", required: true, maxlength: "128", placeholder: t.forExampleLaptopOr });
  const days = h("input", { id: "token-days", type: "number", min: "1", max: "3660", placeholder: t.doesNotExpire, inputmode: "numeric" });

  async function load() {
    try {
      const tokens = await listOrganiserTokens();
      const date = (/** @type {string | null} */ at) => (at ? dateTime(at) : t.never);
      const row = (/** @type {OrganiserToken} */ each) => h("tr", { "data-token": each.name },
        h("th", { scope: "row" }, each.name, each.current ? h("span.muted", {}, t.inUseHere) : null),
        h("td", {}, date(each.created_at)), h("td", {}, date(each.expires_at)),
        h("td", {}, h("button.small.danger", { type: "button", onclick: () => revoke(each) }, t.revoke)));
      fill(table, h("table", {},
        h("thead", {}, h("tr", {}, [t.nameLabel, t.created, t.expires, t.actions].map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, tokens.map(row))));
    } catch (error) {
      fill(table, errorNote(error, load));
    }
  }

  /** @param {OrganiserToken} token */
  async function revoke(token) {
    const content = h("p", {}, token.current ? t.youAreSignedIn : t.programsThatUseIt);
    if (!(await ask(t.revokeQuestion(token.name), { yes: t.revoke, isDangerous: true, content }))) return;
    try {
      await revokeOrganiserToken(token.id);
      fill(result, h("p.note.good", { role: "status" }, t.wasRevoked(token.name)));
    } catch (error) {
      fill(result, errorNote(error));
    }
    load();
  }

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    try {
      const { token = "" } = await createOrganiserToken(name.value.trim(), days.value ? Number(days.value) : null);
      fill(result, h("div.note.good", { role: "status" },
        h("p", {}, t.thisTokenIsShown),
        h("p", {}, h("code", { id: "new-token" }, token)), copyButton(() => token ?? "")));
      name.value = "";
      load();
    } catch (error) {
      fill(result, errorNote(error));
    }
  }

  load();
  return [h("section.card", {}, h("h1", {}, t.organiserTokens),
    h("p", {}, t.aTokenForEach), result, table,
    h("form", { onsubmit: submit, id: "token-form" },
      h("h2", {}, t.newToken),
      h("div.grid", {},
        h("div", {}, h("label", { for: "token-name" }, t.nameLabel), name),
        h("div", {}, h("label", { for: "token-days" }, t.validForDays), days)),
      h("p.row.submit-row", {}, h("button.main", {}, t.createToken))))];
}
