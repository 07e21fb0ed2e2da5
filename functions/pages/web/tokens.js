// @ts-check
// The organiser's own tokens: list, make and revoke.

/** @import { OrganiserToken } from "../types.d.ts" */

import { copyButton } from "./copy-button.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { ask } from "./form.js";
import { createOrganiserToken, listOrganiserTokens, revokeOrganiserToken } from "./organiser-api.js";

/** The view of all tokens. It loads them itself. */
export function tokensView() {
  const result = h("div", { "aria-live": "polite" });
  const table = h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Organiser tokens" });
  const name = h("input", { id: "token-name", required: true, maxlength: "128", placeholder: "For example laptop or CI" });
  const days = h("input", { id: "token-days", type: "number", min: "1", max: "3660", placeholder: "does not expire", inputmode: "numeric" });

  async function load() {
    try {
      const tokens = await listOrganiserTokens();
      const date = (/** @type {string | null} */ at) => (at ? new Date(at).toLocaleString("en-GB") : "never");
      const row = (/** @type {OrganiserToken} */ each) => h("tr", { "data-token": each.name },
        h("th", { scope: "row" }, each.name, each.current ? h("span.muted", {}, " (in use here)") : null),
        h("td", {}, date(each.created_at)), h("td", {}, date(each.expires_at)),
        h("td", {}, h("button.small.danger", { type: "button", onclick: () => revoke(each) }, "Revoke")));
      fill(table, h("table", {},
        h("thead", {}, h("tr", {}, ["Name", "Created", "Expires", "Actions"].map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, tokens.map(row))));
    } catch (error) {
      fill(table, errorNote(error, load));
    }
  }

  /** @param {OrganiserToken} token */
  async function revoke(token) {
    const content = h("p", {}, token.current ? "You are signed in with this token and will be signed out." : "Programs that use it stop working at once.");
    if (!(await ask(`Revoke ${token.name}?`, { yes: "Revoke", isDangerous: true, content }))) return;
    try {
      await revokeOrganiserToken(token.id);
      fill(result, h("p.note.good", { role: "status" }, `${token.name} was revoked.`));
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
        h("p", {}, "This token is shown only once. Who has it can do everything that you can."),
        h("p", {}, h("code", { id: "new-token" }, token)), copyButton(() => token ?? "")));
      name.value = "";
      load();
    } catch (error) {
      fill(result, errorNote(error));
    }
  }

  load();
  return [h("section.card", {}, h("h1", {}, "Organiser tokens"),
    h("p", {}, "A token for each device or program can be revoked by itself."), result, table,
    h("form", { onsubmit: submit, id: "token-form" },
      h("h2", {}, "New token"),
      h("div.grid", {},
        h("div", {}, h("label", { for: "token-name" }, "Name"), name),
        h("div", {}, h("label", { for: "token-days" }, "Valid for days"), days)),
      h("p.row.submit-row", {}, h("button.main", {}, "Create token"))))];
}
