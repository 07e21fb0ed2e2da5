// @ts-check
// The messages of the playground: text, images, tool calls and usage.

/** @import { Message, ToolCall, TurnCost } from "../types.d.ts" */

import { h, number } from "./dom.js";

/**
 * A message of the attendee.
 *
 * @param {string} text
 * @param {string[]} images
 */
export function userMessage(text, images) {
  return h("div.message.user", {},
    h("span.visually-hidden", {}, "You: "),
    h("div.text", {}, text),
    images.map((image) => h("img", { src: image, alt: "Image you sent" })));
}

/** A message of the model. `append` adds text to it. */
export function modelMessage() {
  const text = h("div.text");
  const element = h("div.message.assistant", {}, h("span.visually-hidden", {}, "Model: "), text);
  return { element, append: (/** @type {string} */ delta) => text.append(delta) };
}

/**
 * Tokens and times of a response, as far as they are known.
 *
 * @param {TurnCost} turn
 */
export function usageLine(turn) {
  const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(ms < 9950 ? 2 : 0)} s`;
  const parts = [];
  if (turn.usage) {
    parts.push(`${number(turn.usage.prompt_tokens)} input tokens`, `${number(turn.usage.completion_tokens)} output tokens`);
  }
  if (turn.firstTokenMs !== null) parts.push(`first token after ${seconds(turn.firstTokenMs)}`);
  if (turn.totalMs !== null) parts.push(`${seconds(turn.totalMs)} total`);
  if (turn.finishReason === "length") parts.push("stopped at the max output tokens");
  if (turn.finishReason === "content_filter") parts.push("stopped by Azure's content filter");
  if (turn.finishReason === "stopped") parts.push("stopped; usage is estimated");
  if (turn.droppedTools) parts.push(`without the tools ${turn.droppedTools}, which the event does not allow`);
  // A cap that was only filled in is no news; one that was lowered says from what.
  const [cap, ...lowered] = (turn.maxTokens ?? "").split(";");
  if (lowered.length) parts.push(`the event allows at most ${cap} output tokens`);
  return h("div.usage", {}, parts.join(" · "));
}

/**
 * A form for the results of tool calls. `onResults(results)` returns whether a response arrived.
 *
 * @param {ToolCall[]} calls
 * @param {(results: Message[]) => Promise<boolean>} onResults
 */
export function toolCallsForm(calls, onResults) {
  const fields = calls.map((call) => ({
    call,
    result: h("textarea", {
      rows: "2", spellcheck: "false", class: "mono", placeholder: "{\"result\": …}", "aria-label": `Result of ${call.function.name}`,
    }),
  }));
  const send = h("button.small", {}, "Send result");
  const form = h("form", { onsubmit: submit },
    fields.map(({ call, result }) => h("div.tool-call", {},
      h("p", {}, "The model calls ", h("code", {}, `${call.function.name}(${call.function.arguments})`)),
      result)),
    h("p.row", {}, send));

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    send.disabled = true;
    send.disabled = await onResults(fields.map(({ call, result }) => ({ role: "tool", tool_call_id: call.id, content: result.value })));
  }
  return form;
}
