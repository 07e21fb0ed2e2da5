// @ts-check
// Fields of a form with labels, hints and the problems that the API reports for them.

/** @import { Attributes, Control, FieldProblem } from "../types.d.ts" */

import { fill, find, h } from "./dom.js";
import * as t from "./texts.js";

/**
 * A field: its control with a label, a hint and a place for a problem.
 *
 * @param {string} path
 * @param {string} label
 * @param {Control} control
 * @param {string} [hint]
 */
export function fieldOf(path, label, control, hint = "") {
  const id = `field-${path}`;
  control.id = id;
  control.name = path;
  control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", {}, h("label", { for: id }, label), control, h("span.hint", { id: `${id}-hint` }, hint),
    h("span.problem", { "data-problem": path }));
}

/**
 * A checkbox with its label.
 *
 * @param {string} label
 * @param {Attributes} attributes
 */
export function checkbox(label, attributes) {
  const control = h("input", { type: "checkbox", ...attributes });
  return { control, element: h("label.check", {}, control, h("span", {}, label)) };
}

/**
 * Options of a select.
 *
 * @param {string[][]} all
 */
export function options(all) {
  return all.map(([value, label]) => h("option", { value }, label));
}

/**
 * Removes the problems of a form.
 *
 * @param {Element} form
 */
export function clearProblems(form) {
  for (const place of form.querySelectorAll("[data-problem]")) fill(place);
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

/**
 * Shows each problem beside its field, and focuses the first one.
 *
 * @param {Element} form
 * @param {FieldProblem[]} details
 */
export function showProblems(form, details) {
  /** @type {HTMLElement[]} */
  const marked = [];
  for (const { field, message } of details) {
    const place = form.querySelector(`[data-problem="${CSS.escape(field)}"]`);
    if (!place) continue;
    fill(place, capitalised(message));
    place.closest("details")?.setAttribute("open", "");
    const control = form.querySelector(`[name="${CSS.escape(field)}"]`);
    if (!(control instanceof HTMLElement)) continue;
    control.setAttribute("aria-invalid", "true");
    marked.push(control);
  }
  // The API lists problems in its own order, and people read from the top.
  marked.sort((one, other) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1))[0]?.focus();
}

/** @param {string} text */
export function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Asks a question in a dialog. `content` may hold fields; the promise has whether the answer is yes.
 *
 * @param {string} question
 * @param {{ yes: string, isDangerous?: boolean, content?: import("../types.d.ts").Child }} what
 * @returns {Promise<boolean>}
 */
export function ask(question, { yes, isDangerous = false, content = null }) {
  return new Promise((resolve) => {
    let answer = false;
    const dialog = h("dialog.ask", { "aria-label": question, onclose: () => { dialog.remove(); resolve(answer); } });
    const form = h("form", { method: "dialog", onsubmit: () => { answer = true; } },
      h("h2", {}, question), content,
      h("p.row.end", {}, h("button", { type: "button", onclick: () => dialog.close() }, t.cancel),
        h(`button${isDangerous ? ".danger" : ".main"}`, { id: "confirm" }, yes)));
    fill(dialog, form);
    document.body.append(dialog);
    dialog.showModal();
    if (isDangerous) find(dialog, "button", HTMLElement).focus();
  });
}
