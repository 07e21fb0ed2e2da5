// @ts-check
// The roster of an event: one user name per line, saved as a whole.

import { fill, h, number } from "./dom.js";
import { errorNote } from "./errors.js";
import { ask, checkbox, options } from "./form.js";
import { readRoster, saveRoster } from "./organiser-api.js";
import { guess, namesOf, rowsOf } from "./roster-csv.js";
import { transliterated } from "./transliterate.js";

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
  const file = h("input.visually-hidden", { type: "file", id: "roster-file", accept: ".csv,.txt,.tsv,text/csv,text/plain", tabindex: "-1", "aria-label": "CSV file", onchange: importFile });
  const element = h("form.card", { id: "roster", onsubmit: submit },
    h("h2", {}, "Roster"), result,
    h("p.row", {}, h("button.small", { type: "button", id: "roster-import", onclick: () => file.click() }, "Import CSV…"), file,
      h("span.muted.small", {}, "From GitHub Classroom, Excel or any other list.")),
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

  async function importFile() {
    const [chosen] = file.files ?? [];
    file.value = "";
    if (!chosen) return;
    const users = await chooseNames(rowsOf(await chosen.text()), chosen.name);
    if (!users) return;
    field.value = names([field.value, ...users].join("\n")).join("\n");
    fill(result, h("p.note", { role: "status" }, `${number(users.length)} names were read from ${chosen.name}. Save the roster to use them.`));
    save.focus();
  }

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const users = names(field.value);
    const kept = new Set(users.map((user) => user.toLowerCase()));
    const removed = saved.filter((user) => !kept.has(user)).length;
    if (removed && !(await ask(`Remove ${number(removed)} from the roster?`, { yes: "Remove", isDangerous: true, content: h("p", {}, "They lose access at once. Their usage is kept.") }))) return;
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
 * Shows what a file has, lets the organiser choose the column, and resolves to the names, or to null.
 *
 * @param {ReturnType<typeof rowsOf>} rows
 * @param {string} fileName
 * @returns {Promise<string[] | null>}
 */
async function chooseNames(rows, fileName) {
  const first = guess(rows);
  const width = Math.max(1, ...rows.map(({ cells }) => cells.length));
  const label = (/** @type {number} */ index) => (first.hasHeader && rows[0]?.cells[index]) || `Column ${index + 1}`;
  const column = h("select", { id: "csv-column", onchange: show }, options(Array.from({ length: width }, (_, index) => [String(index), label(index)])));
  column.value = String(first.column);
  const header = checkbox("The first row has the names of the columns", { id: "csv-header", checked: first.hasHeader, onchange: show });
  const preview = h("div", { id: "csv-preview" });
  let found = namesOf(rows, first, transliterated);

  function show() {
    found = namesOf(rows, { column: Number(column.value), hasHeader: header.control.checked }, transliterated);
    fill(preview,
      h("p", {}, h("strong", {}, `${number(found.users.length)} ${found.users.length === 1 ? "name" : "names"}`), found.users.length ? `: ${found.users.slice(0, 5).join(", ")}${found.users.length > 5 ? ", …" : ""}` : ""),
      found.problems.length
        ? h("details", { open: found.problems.length <= 5 }, h("summary", {}, `${number(found.problems.length)} to check`), h("ul.changes", {}, found.problems.map((each) => h("li", {}, each))))
        : null);
  }
  show();
  const content = [h("p", {}, h("label", { for: "csv-column" }, "User names are in"), column), header.element, preview];
  return (await ask(`Import ${fileName}`, { yes: "Use these names", content })) ? found.users : null;
}

/**
 * The names in a text with one name per line.
 *
 * @param {string} text
 */
function names(text) {
  return [...new Set(text.split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean))];
}
