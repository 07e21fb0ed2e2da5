// @ts-check
// The settings of the playground, and the requests that follow from them.

/** @import { AttendeeAccess, ChatRequest, Child, Control, Model, PlaygroundRequest, Tool, Turn } from "../types.d.ts" */

import { inputOf, messagesOf } from "./conversation.js";
import { h } from "./dom.js";
import * as t from "./texts.js";

const FIELDS = ["system", "temperature", "max-tokens", "effort", "summary", "functions"];

/**
 * How a model is asked: for a chat, a response or an image.
 *
 * @param {Model | undefined} model
 * @returns {PlaygroundRequest["kind"] | null}
 */
export function kindOf(model) {
  if (!model) return null;
  if (model.operations.includes("chat_completions")) return "chat";
  if (model.operations.includes("responses")) return "responses";
  return model.operations.includes("images_generations") ? "images" : null;
}

/**
 * The settings. `onChange` is called after each change.
 *
 * @param {AttendeeAccess} details
 * @param {Record<string, string>} initial
 * @param {() => void} onChange
 */
export function settingsOf(details, initial, onChange) {
  /** @type {Map<string, Control>} */
  const controls = new Map();
  /**
   * @template {Control} C
   * @param {string} id
   * @param {string} label
   * @param {C} control
   */
  const field = (id, label, control, hint = "") => {
    control.id = id;
    control.value = initial[id] ?? "";
    control.addEventListener("change", onChange);
    controls.set(id, control);
    if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
    return h("div", {}, h("label", { for: id }, label), control, hint ? h("span.hint", { id: `${id}-hint` }, hint) : null);
  };
  const options = (/** @type {string[][]} */ all) => all.map(([value, label]) => h("option", { value }, label));
  /** @type {Child[]} */
  const fields = [
    field("temperature", t.temperature, h("input", { type: "number", min: "0", max: "2", step: "0.1" }),
      t.lowerIsMorePredictable),
    field("max-tokens", t.maxOutputTokens, h("input", { type: "number", min: "1", max: String(details.max_completion_tokens) }),
      t.theEventAllowsAtMost(details.max_completion_tokens)),
    field("effort", t.reasoningEffort, h("select", {}, options([["", t.modelsDefault], ["minimal", t.minimal], ["low", t.low], ["medium", t.medium], ["high", t.high]])),
      t.forModelsThatReason),
    field("summary", t.reasoningSummary, h("select", {}, options([["", t.off], ["auto", t.show]])),
      t.usesTheResponsesApi),
    h("div.wide", {}, field("system", t.systemPrompt, h("textarea", { rows: "2" }))),
    h("div.wide", {}, field("functions", t.functions, h("textarea", { class: "mono", rows: "4", spellcheck: "false",
      placeholder: "[{\"name\": \"weather\", \"description\": \"…\", \"parameters\": {\"type\": \"object\", \"properties\": {}}}]" }),
    t.aJsonListOf)),
  ];
  const value = (/** @type {string} */ id) => controls.get(id)?.value.trim() ?? "";
  return {
    element: h("details.settings", { open: FIELDS.some((id) => initial[id]) }, h("summary", {}, t.settings), h("div.grid", {}, fields)),
    values: () => Object.fromEntries(FIELDS.map((id) => [id, value(id)])),
    focusFunctions: () => controls.get("functions")?.focus(),
    request: (/** @type {Model} */ model, /** @type {Turn[]} */ turns) => requestOf(model, turns, value),
  };
}

/**
 * The request for the next turn. Throws an error whose message is for the attendee.
 *
 * @param {Model} model
 * @param {Turn[]} turns
 * @param {(id: string) => string} value
 * @returns {PlaygroundRequest}
 */
function requestOf(model, turns, value) {
  const kind = kindOf(model);
  if (kind === "images") {
    const last = turns.findLast((turn) => turn.role === "user");
    return { kind, body: { model: model.id, prompt: last?.text ?? "" } };
  }
  const effort = value("effort");
  if (kind === "responses" || (value("summary") && model.operations.includes("responses"))) {
    const summary = value("summary");
    return { kind: "responses", body: {
      model: model.id,
      input: inputOf(turns),
      ...(value("system") ? { instructions: value("system") } : {}),
      ...(value("temperature") ? { temperature: Number(value("temperature")) } : {}),
      ...(value("max-tokens") ? { max_output_tokens: Number(value("max-tokens")) } : {}),
      ...(effort || summary ? { reasoning: { ...(effort ? { effort } : {}), ...(summary ? { summary } : {}) } } : {}),
      store: false,
      stream: true,
    } };
  }
  /** @type {ChatRequest} */
  const body = { model: model.id, messages: messagesOf(turns) };
  if (value("system")) body.messages = [{ role: "system", content: value("system") }, ...body.messages];
  if (value("temperature")) body.temperature = Number(value("temperature"));
  if (value("max-tokens")) body.max_tokens = Number(value("max-tokens"));
  if (effort) body.reasoning_effort = effort;
  const tools = functionsOf(value("functions"));
  if (tools.length) body.tools = tools;
  return { kind: "chat", body: { ...body, stream: true, stream_options: { include_usage: true } } };
}

/**
 * The tools in a JSON text, which lists functions or tools.
 *
 * @param {string} text
 * @returns {Tool[]}
 */
function functionsOf(text) {
  if (!text) return [];
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(t.theFunctionsAreNot(error instanceof Error ? error.message : String(error)));
  }
  /** @type {(Partial<Tool> & Partial<Tool["function"]> | null)[]} */
  const list = Array.isArray(parsed) ? parsed : [parsed];
  return list.map((each) => {
    const { name, ...rest } = each?.function ?? each ?? {};
    if (!name) throw new Error(t.eachFunctionNeedsA);
    return /** @type {Tool} */ (each?.function ? each : { type: "function", function: { name, ...rest } });
  });
}
