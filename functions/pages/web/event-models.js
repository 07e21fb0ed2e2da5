// @ts-check
// The models of an event and their defaults, as a part of the event's form.

/** @import { Deployment, EventFields, OrganiserEvent } from "../types.d.ts" */

import { h } from "./dom.js";
import { capitalised, checkbox, fieldOf, options } from "./form.js";
import { OPERATIONS, operationName } from "./limits.js";
import { byOperations } from "./models.js";
import * as t from "./texts.js";

/**
 * The fieldset, and `changed()` with the fields to send.
 *
 * @param {OrganiserEvent | null} event
 * @param {Deployment[]} deployments
 */
export function eventModels(event, deployments) {
  const names = [...new Set(deployments.map(({ name }) => name))].sort();
  const before = event?.deployments ?? null;
  const all = checkbox(t.allMyDeploymentsLater, { id: "all-models", checked: before === null, onchange: showChoice });
  const models = names.map((name) => ({ name, ...checkbox(label(name), { value: name, checked: before === null || before.includes(name), "data-model": name }) }));
  const choice = h("div.checks", { role: "group", "aria-label": t.models }, models.map(({ element }) => element));
  /** @param {string} name */
  function label(name) {
    const [group] = byOperations(deployments.filter((each) => each.name === name).slice(0, 1));
    return group ? `${name}: ${group.operations.map(operationName).join(", ")}` : name;
  }
  const served = OPERATIONS.filter((operation) => deployments.some(({ operations }) => operations.includes(operation)));
  const defaults = served.map((operation) => {
    const able = names.filter((name) => deployments.some((each) => each.name === name && each.operations.includes(operation)));
    const control = h("select", {}, options([["", t.chosenByLanyard], ...able.map((name) => [name, name])]));
    const initial = event?.default_deployments[operation] ?? "";
    control.value = initial;
    return { operation, control, initial };
  });

  function showChoice() {
    choice.hidden = all.control.checked;
  }
  showChoice();

  /** @returns {EventFields} */
  function changed() {
    /** @type {EventFields} */
    const body = {};
    const chosen = all.control.checked ? null : models.filter(({ control }) => control.checked).map(({ name }) => name);
    if (JSON.stringify(chosen) !== JSON.stringify(before && [...before].sort())) body.deployments = chosen;
    const changes = defaults.filter(({ control, initial }) => control.value !== initial)
      .map(({ operation, control }) => [operation, control.value || null]);
    if (changes.length) body.default_deployments = Object.fromEntries(changes);
    return body;
  }

  const element = h("fieldset", {}, h("legend", {}, t.models),
    names.length ? null : h("p.note.warn", {}, t.youHaveNoDeployments, h("a", { href: "#deployment-new" }, t.addOne), t.beforeTheEventStarts),
    all.element, choice, h("span.problem", { "data-problem": "deployments" }),
    h("details", {}, h("summary", {}, t.defaultModels),
      h("p.muted", {}, t.theModelOfA),
      h("div.grid", {}, defaults.map(({ operation, control }) => fieldOf(`default_deployments.${operation}`, capitalised(operationName(operation)), control)))));
  return { element, changed };
}
