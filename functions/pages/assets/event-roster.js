// @ts-check
// Who may come to an event with a roster: a name on each line, saved as a whole.

import { fill, h, number } from "./dom.js";
import { note } from "./errors.js";
import { rosterOf, saveRoster } from "./organiser-api.js";

/**
 * The form; `changed()` is called after the roster was saved.
 *
 * @param {string} id
 * @param {() => void} changed
 */
export function rosterView(id, changed) {
  const said = h("div", { "aria-live": "polite" });
  const field = h("textarea", { id: "roster-names", rows: "8", spellcheck: "false", autocapitalize: "none", disabled: true, "aria-describedby": "roster-hint" });
  const save = h("button.main", { id: "roster-save", disabled: true }, "Save roster");
  const element = h("form.card", { id: "roster", onsubmit: submit },
    h("h2", {}, "Roster"), said,
    h("label", { for: "roster-names" }, "User names"), field,
    h("span.hint", { id: "roster-hint" }, "One name per line, in upper or lower case. Removed attendees lose access at once. Their usage is kept."),
    h("p.row.enter", {}, save));
  /** @type {string[]} */
  let listed = [];

  async function load() {
    try {
      listed = (await rosterOf(id)).map(({ user }) => user);
      field.value = listed.join("\n");
      field.disabled = false;
      save.disabled = false;
      fill(said);
    } catch (fault) {
      fill(said, note(fault, load));
    }
  }

  /** @param {SubmitEvent} submitted */
  async function submit(submitted) {
    submitted.preventDefault();
    const users = names(field.value);
    const kept = new Set(users.map((user) => user.toLowerCase()));
    const gone = listed.filter((user) => !kept.has(user)).length;
    if (gone && !confirm(`Remove ${number(gone)} from the roster? They lose access at once.`)) return;
    save.disabled = true;
    try {
      const done = await saveRoster(id, users);
      await load();
      fill(said, h("p.note.good", {}, `${number(done.users)} on the roster: ${number(done.added)} added, ${number(done.removed)} removed.`));
      changed();
    } catch (fault) {
      fill(said, note(fault));
    } finally {
      save.disabled = false;
    }
  }

  load();
  return element;
}

/**
 * The names of a text, one on each line.
 *
 * @param {string} text
 */
function names(text) {
  return [...new Set(text.split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean))];
}
