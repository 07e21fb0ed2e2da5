// @ts-check
// The roster of an event: one user name per line, saved as a whole.

import { fill, h, number } from "./dom.js";
import { errorNote } from "./errors.js";
import { readRoster, saveRoster } from "./organiser-api.js";

/**
 * The form; `changed()` is called after the roster was saved.
 *
 * @param {string} id
 * @param {() => void} changed
 */
export function rosterView(id, changed) {
  const result = h("div", { "aria-live": "polite" });
  const field = h("textarea", { id: "roster-names", rows: "8", spellcheck: "false", autocapitalize: "none", disabled: true, "aria-describedby": "roster-hint" });
  const save = h("button.main", { id: "roster-save", disabled: true }, "Save roster");
  const element = h("form.card", { id: "roster", onsubmit: submit },
    h("h2", {}, "Roster"), result,
    h("label", { for: "roster-names" }, "User names"), field,
    h("span.hint", { id: "roster-hint" }, "One name per line, in upper or lower case. Removed attendees lose access at once. Their usage is kept."),
    h("p.row.submit-row", {}, save));
  /** @type {string[]} */
  let saved = [];

  async function load() {
    try {
      saved = (await readRoster(id)).map(({ user }) => user);
      field.value = saved.join("\n");
      field.disabled = false;
      save.disabled = false;
      fill(result);
    } catch (error) {
      fill(result, errorNote(error, load));
    }
  }

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const users = names(field.value);
    const kept = new Set(users.map((user) => user.toLowerCase()));
    const removed = saved.filter((user) => !kept.has(user)).length;
    if (removed && !confirm(`Remove ${number(removed)} from the roster? They lose access at once.`)) return;
    save.disabled = true;
    try {
      const counts = await saveRoster(id, users);
      await load();
      fill(result, h("p.note.good", {}, `${number(counts.users)} on the roster: ${number(counts.added)} added, ${number(counts.removed)} removed.`));
      changed();
    } catch (error) {
      fill(result, errorNote(error));
    } finally {
      save.disabled = false;
    }
  }

  load();
  return element;
}

/**
 * The names in a text with one name per line.
 *
 * @param {string} text
 */
function names(text) {
  return [...new Set(text.split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean))];
}
