// @ts-check
// The roster of an event: one user name per line, saved as a whole.

import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { ask, checkbox, options } from "./form.js";
import { readRoster, saveRoster } from "./organiser-api.js";
import { NotATable, decoded, guess, namesOf, rowsOf } from "./roster-csv.js";
import { transliterated } from "./transliterate.js";
import * as t from "./texts.js";

/**
 * The form; `changed()` is called after the roster was saved.
 *
 * @param {string} id
 * @param {() => void} changed
 */
export function rosterView(id, changed) {
  const result = h("div", { "aria-live": "polite" });
  const field = h("textarea", { id: "roster-names", rows: "8", spellcheck: "false", autocapitalize: "none", disabled: true, "aria-describedby": "roster-hint" });
  const save = h("button.main", { id: "roster-save", disabled: true }, t.saveRoster);
  const file = h("input.visually-hidden", { type: "file", id: "roster-file", accept: ".csv,.txt,.tsv,text/csv,text/plain", tabindex: "-1", "aria-label": t.csvFile, onchange: importFile });
  const element = h("form.card", { id: "roster", onsubmit: submit },
    h("h2", {}, t.roster), result,
    h("p.row", {}, h("button.small", { type: "button", id: "roster-import", onclick: () => file.click() }, t.importCsv), file,
      h("span.muted.small", {}, t.fromGithubClassroomExcel)),
    h("label", { for: "roster-names" }, t.userNames), field,
    h("span.hint", { id: "roster-hint" }, t.oneNamePerLine),
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
    /** @type {ReturnType<typeof rowsOf>} */
    let rows;
    try {
      rows = rowsOf(decoded(new Uint8Array(await chosen.arrayBuffer())));
    } catch (error) {
      if (!(error instanceof NotATable)) throw error;
      fill(result, h("p.note.bad", { role: "alert" }, t.fileCannotBeRead(chosen.name, error.message)));
      return;
    }
    const users = await chooseNames(rows, chosen.name);
    if (!users) return;
    field.value = names([field.value, ...users].join("\n")).join("\n");
    fill(result, h("p.note", { role: "status" }, t.namesWereReadFrom(users.length, chosen.name)));
    save.focus();
  }

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const users = names(field.value);
    const kept = new Set(users.map((user) => user.toLowerCase()));
    const removed = saved.filter((user) => !kept.has(user)).length;
    if (removed && !(await ask(t.removeFromTheRoster(removed), { yes: t.remove, isDangerous: true, content: h("p", {}, t.theyLoseAccessAt) }))) return;
    save.disabled = true;
    try {
      const counts = await saveRoster(id, users);
      await load();
      fill(result, h("p.note.good", {}, t.onTheRosterAdded(counts.users, counts.added, counts.removed)));
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
  const label = (/** @type {number} */ index) => (first.hasHeader && rows[0]?.cells[index]) || t.column(index + 1);
  const column = h("select", { id: "csv-column", onchange: show }, options(Array.from({ length: width }, (_, index) => [String(index), label(index)])));
  column.value = String(first.column);
  const header = checkbox(t.theFirstRowHas, { id: "csv-header", checked: first.hasHeader, onchange: show });
  const preview = h("div", { id: "csv-preview" });
  let found = namesOf(rows, first, transliterated);

  function show() {
    found = namesOf(rows, { column: Number(column.value), hasHeader: header.control.checked }, transliterated);
    // They are valid, but often a column of full names.
    const odd = found.users.filter((user) => /[ /]/.test(user));
    fill(preview,
      odd.length ? h("p.note.warn", {}, t.namesWithASpace(odd.length, odd.slice(0, 5).map((user) => `“${user}”`).join(", "))) : null,
      h("p", {}, h("strong", {}, t.nameCount(found.users.length)), found.users.length ? `: ${found.users.slice(0, 5).join(", ")}${found.users.length > 5 ? ", …" : ""}` : ""),
      found.problems.length
        ? h("details", { open: found.problems.length <= 5 }, h("summary", {}, t.toCheck(found.problems.length)), h("ul.changes", {}, found.problems.map((each) => h("li", {}, each))))
        : null);
  }
  show();
  const content = [h("p", {}, h("label", { for: "csv-column" }, t.userNamesAreIn), column), header.element, preview];
  return (await ask(t.importFile(fileName), { yes: t.useTheseNames, content })) ? found.users : null;
}

/**
 * The names in a text with one name per line.
 *
 * @param {string} text
 */
function names(text) {
  return [...new Set(text.split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean))];
}
