// @ts-check
// What was said, as it stands in the playground: the words, the pictures, the calls, the cost.

/** @import { Message, ToolCall, TurnCost } from "../types.d.ts" */

import { h, number } from "./dom.js";

/**
 * What the attendee said.
 *
 * @param {string} text
 * @param {string[]} pictures
 */
export function userTurn(text, pictures) {
  return h("div.said.user", {},
    h("span.quiet", {}, "You: "),
    h("div.text", {}, text),
    pictures.map((picture) => h("img", { src: picture, alt: "Image you sent" })));
}

/** What the model is saying; `say` adds to it. */
export function answerTurn() {
  const text = h("div.text");
  const element = h("div.said.assistant", {}, h("span.quiet", {}, "Model: "), text);
  return { element, say: (/** @type {string} */ words) => text.append(words) };
}

/**
 * Tokens and times of a turn that ended, or what is known of one that was stopped.
 *
 * @param {TurnCost} turn
 */
export function costLine(turn) {
  const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(ms < 9950 ? 2 : 0)} s`;
  const parts = [];
  if (turn.usage) {
    parts.push(`${number(turn.usage.prompt_tokens)} input tokens`, `${number(turn.usage.completion_tokens)} output tokens`);
  }
  if (turn.firstMs !== null) parts.push(`first token after ${seconds(turn.firstMs)}`);
  if (turn.totalMs !== null) parts.push(`${seconds(turn.totalMs)} total`);
  if (turn.ended === "length") parts.push("stopped at the max output tokens");
  if (turn.ended === "content_filter") parts.push("stopped by Azure's content filter");
  if (turn.ended === "stopped") parts.push("stopped; usage is estimated");
  if (turn.cappedFrom) parts.push(`the event allows at most ${turn.cappedFrom} output tokens`);
  return h("div.cost", {}, parts.join(" · "));
}

/**
 * The calls of functions in an answer; `answered(results)` says whether an answer came.
 *
 * @param {ToolCall[]} calls
 * @param {(results: Message[]) => Promise<boolean>} answered
 */
export function callsView(calls, answered) {
  const fields = calls.map((call) => ({
    call,
    result: h("textarea", {
      rows: "2", spellcheck: "false", class: "mono", placeholder: "{\"result\": …}", "aria-label": `Result of ${call.function.name}`,
    }),
  }));
  const send = h("button.small", {}, "Send result");
  const form = h("form", { onsubmit: submit },
    fields.map(({ call, result }) => h("div.call", {},
      h("p", {}, "The model calls ", h("code", {}, `${call.function.name}(${call.function.arguments})`)),
      result)),
    h("p.row", {}, send));

  /** @param {SubmitEvent} submitted */
  async function submit(submitted) {
    submitted.preventDefault();
    send.disabled = true;
    send.disabled = await answered(fields.map(({ call, result }) => ({ role: "tool", tool_call_id: call.id, content: result.value })));
  }
  return form;
}
