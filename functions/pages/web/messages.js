// @ts-check
// The elements of the playground's turns: text, images, tool calls, usage and actions.

/** @import { Child, ModelTurn, TurnCost, UserTurn } from "../types.d.ts" */

import { isRunning } from "./conversation.js";
import { copyButton } from "./copy-button.js";
import { fill, h, svg } from "./dom.js";
import { errorNote } from "./errors.js";
import { liveMarkdown } from "./markdown.js";
import * as t from "./texts.js";

/** @typedef {{ retry: () => void, remove: () => void, rate: (rating: 1 | -1) => Promise<void>, results: (texts: string[]) => void }} ModelActions */
/** @typedef {{ edit: (text: string) => void, remove: () => void }} UserActions */

/**
 * The element of a user's turn.
 *
 * @param {UserTurn} turn
 * @param {UserActions} actions
 */
export function userMessage(turn, actions) {
  const element = h("div.message.user");
  const show = () => fill(element,
    h("span.visually-hidden", {}, t.you),
    h("div.text", {}, turn.text),
    turn.images.map((image) => h("img", { src: image, alt: t.imageYouSent })),
    h("div.actions", {}, action(t.edit, edit), action(t.deleteButton, actions.remove)));

  function edit() {
    const field = h("textarea", { "aria-label": t.editMessage, rows: "3", onkeydown: keys });
    field.value = turn.text;
    const save = () => { if (field.value.trim()) actions.edit(field.value.trim()); };
    /** @param {KeyboardEvent} event */
    function keys(event) {
      if (event.key === "Escape") show();
      if (!isSend(event)) return;
      event.preventDefault();
      save();
    }
    fill(element, field, h("p.row", {}, h("button.small.main", { type: "button", onclick: save }, t.send),
      h("button.small", { type: "button", onclick: () => show() }, t.cancel)));
    field.focus();
  }
  show();
  return element;
}

/**
 * Enter sends; Shift+Enter breaks the line. While a character is composed, Enter belongs to the input method.
 *
 * @param {KeyboardEvent} event
 */
export function isSend(event) {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing;
}

/**
 * The element of a model's turn, and `show()` to show what has changed in it.
 *
 * @param {ModelTurn} turn
 * @param {ModelActions} actions
 */
export function modelMessage(turn, actions) {
  const text = h("div.text.markdown");
  const live = liveMarkdown(text);
  const spinner = h("span.spinner", { role: "img", "aria-label": t.waitingForTheResponse });
  const reasoning = h("p.reasoning-text");
  const details = h("details.reasoning", {}, h("summary", {}, t.reasoningSummary), reasoning);
  const images = h("div.generated");
  const rest = h("div");
  const element = h("div.message.assistant", {}, h("p.model-name", {}, h("span.visually-hidden", {}, t.modelIs), turn.model),
    details, text, images, spinner, rest);

  function show() {
    const running = isRunning(turn);
    spinner.hidden = !running;
    details.hidden = !turn.reasoning;
    reasoning.textContent = turn.reasoning;
    live.show(turn.text);
    if (images.children.length !== turn.images.length) fill(images, turn.images.map(generated));
    if (!running) fill(rest, ended());
  }

  /** @returns {Child[]} */
  function ended() {
    if (turn.state === "failed") return [errorNote(turn.error, actions.retry)];
    const asks = turn.calls.length && !turn.results;
    return [
      asks ? resultsForm() : turn.calls.map((call, index) => h("div.tool-call", {},
        h("p", {}, t.called, h("code", {}, `${call.function.name}(${call.function.arguments})`)),
        h("p.muted", {}, turn.results?.[index] ?? ""))),
      usageLine(turn.cost ?? NOTHING_KNOWN, turn.state === "stopped"),
      h("div.actions", {},
        turn.text ? copyButton(() => turn.text) : null,
        action(t.retry, actions.retry), action(t.deleteButton, actions.remove),
        turn.requestId && turn.state === "done" ? [thumb(1), thumb(-1)] : null),
    ];
  }

  function resultsForm() {
    const fields = turn.calls.map((call) => ({
      call,
      field: h("textarea", { rows: "2", spellcheck: "false", class: "mono", placeholder: "{\"result\": …}", "aria-label": t.resultOf(call.function.name) }),
    }));
    /** @param {SubmitEvent} event */
    const submit = (event) => {
      event.preventDefault();
      actions.results(fields.map(({ field }) => field.value));
    };
    return h("form", { onsubmit: submit },
      fields.map(({ call, field }) => h("div.tool-call", {},
        h("p", {}, t.theModelCalls, h("code", {}, `${call.function.name}(${call.function.arguments})`)), field)),
      h("p.row", {}, h("button.small.main", {}, t.sendResult)));
  }

  /** @param {1 | -1} rating */
  function thumb(rating) {
    const button = h("button.plain.small.thumb", {
      type: "button", "aria-label": rating === 1 ? t.goodResponse : t.badResponse, "aria-pressed": String(turn.rating === rating), onclick: rateIt,
    }, svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" },
      svg("path", { d: THUMB, transform: rating === 1 ? null : "rotate(180 10 10)" })));
    async function rateIt() {
      button.disabled = true;
      await actions.rate(rating);
      show();
    }
    return button;
  }

  show();
  return { element, show };
}

const THUMB = "M2 9h3v9H2zM7 18V9l3.6-7c1.5 0 2.4 1.2 2 2.7L11.8 8H17c1 0 1.700 1 1.400 2l-1.900 6.500c-.3.9-1 1.5-2 1.5z";

/** @type {TurnCost} */
const NOTHING_KNOWN = { usage: null, firstTokenMs: null, totalMs: null, finishReason: null };

/**
 * @param {string} image
 * @param {number} index
 */
function generated(image, index) {
  return h("figure", {}, h("img", { src: image, alt: t.generatedImage(index + 1) }),
    image.startsWith("data:") ? h("a.small", { href: image, download: `image-${index + 1}.png` }, t.download) : null);
}

/**
 * @param {string} label
 * @param {() => void} onclick
 */
function action(label, onclick) {
  return h("button.small.plain", { type: "button", onclick: () => onclick() }, label);
}

/**
 * Tokens and times of a response, as far as they are known.
 *
 * @param {TurnCost} cost
 */
function usageLine(cost, isStopped = false) {
  const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(ms < 9950 ? 2 : 0)} ${t.UNIT_SYMBOLS.second}`;
  const parts = [];
  if (cost.usage) parts.push(t.inputTokenCount(cost.usage.prompt_tokens), t.outputTokenCount(cost.usage.completion_tokens));
  if (cost.firstTokenMs !== null) parts.push(t.firstTokenAfter(seconds(cost.firstTokenMs)));
  if (cost.totalMs !== null) parts.push(t.totalTime(seconds(cost.totalMs)));
  if (cost.finishReason === "length") parts.push(t.stoppedAtTheMax);
  if (cost.finishReason === "content_filter") parts.push(t.stoppedByAzuresContent);
  if (isStopped) parts.push(t.stoppedUsageIsEstimated);
  if (cost.droppedTools) parts.push(t.withoutTheToolsWhich(cost.droppedTools));
  // A cap that was only filled in is no news; one that was lowered says from what.
  const [cap, ...lowered] = (cost.maxTokens ?? "").split(";");
  if (lowered.length) parts.push(t.theEventAllowsAt(cap ?? ""));
  return h("div.usage", {}, parts.join(" · "));
}
