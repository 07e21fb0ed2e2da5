// @ts-check
// A chat with the event's models. Its requests count like any other.

/** @import { ApiAccess, AttendeeAccess, Child, ChatRequest, ChatTurn, ContentPart, Control, Message, Model, Tool } from "../types.d.ts" */

import { asApiError, isAbort } from "./api.js";
import { byId, fill, find, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { remainingSummary } from "./limits.js";
import { modelMessage, toolCallsForm, usageLine, userMessage } from "./messages.js";
import { codeFor, snippet } from "./snippets.js";
import { chat } from "./stream.js";
import { tabs } from "./tabs.js";

/** Longest side of an image in pixels. A larger one costs tokens and shows the model nothing more. */
const MAX_IMAGE_SIDE = 1024;

/**
 * Fills a section that has a heading. `onUsage` is called after each request.
 *
 * @param {Element} place
 * @param {ApiAccess} access
 * @param {AttendeeAccess} details
 * @param {() => void} onUsage
 */
export function playground(place, access, details, onUsage) {
  const heading = find(place, "h2", HTMLElement);
  const models = details.models.filter((model) => model.operations.includes("chat_completions"));
  if (!models.length) {
    fill(place, heading, h("p", {}, "This event has no chat model."));
    return;
  }
  /** @type {{ messages: Message[], images: string[], abort: AbortController | null }} */
  const state = { messages: [], images: [], abort: null };
  const conversation = h("div.conversation", { id: "conversation", role: "log", "aria-label": "Conversation", tabindex: "0" });
  const errors = h("div", { id: "chat-error", "aria-live": "assertive" });
  const images = h("div.images");
  const message = h("textarea", { id: "message", required: true, placeholder: "Ask something", onpaste: pasteImages, onkeydown: sendOnCtrlEnter });
  const file = h("input.visually-hidden", { type: "file", accept: "image/*", id: "image-file", tabindex: "-1", "aria-label": "Image",
    onchange: () => addImages([...file.files ?? []]) });
  const sendButton = h("button.main", { id: "send" }, "Send");
  const stopButton = h("button.danger", { id: "stop", type: "button", hidden: true, onclick: () => state.abort?.abort() }, "Stop");
  const form = h("form.compose", { onsubmit: submit },
    h("label", { for: "message" }, "Message"),
    message, images, file,
    h("div.row", {}, sendButton, stopButton,
      h("button", { type: "button", onclick: () => file.click() }, "Add image"),
      h("button", { type: "button", id: "show-code", onclick: showCode }, "Show code"),
      h("button.plain", { type: "button", onclick: clear }, "New conversation")),
    h("p.small", { id: "remaining", "aria-live": "polite" }, remainingSummary(details)),
    h("span.hint", {}, "Press Ctrl+Enter to send. You can paste an image; some models do not accept images."));
  const settings = settingsOf(access, details, models);
  fill(place, heading,
    h("p.muted", {}, "Each message counts against your limits. The whole conversation is sent every time."),
    settings, conversation, errors, form);

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    const text = message.value.trim();
    if (!text || state.abort) return;
    const sent = state.images;
    /** @type {string | ContentPart[]} */
    const content = sent.length
      ? [{ type: "text", text }, ...sent.map((url) => /** @type {const} */ ({ type: "image_url", image_url: { url } }))]
      : text;
    turn([{ role: "user", content }], userMessage(text, sent), () => {
      message.value = "";
      state.images = [];
      fill(images);
    });
  }

  /**
   * Sends the conversation with these messages. Returns whether a response arrived: only then the messages are kept.
   *
   * @param {Message[]} added
   * @param {HTMLElement | null} element
   * @returns {Promise<boolean>}
   */
  async function turn(added, element, accepted = () => {}) {
    const body = request([...state.messages, ...added]);
    if (!body) {
      byId("functions").focus();
      return false;
    }
    const reply = modelMessage();
    state.abort = new AbortController();
    setBusy(true);
    let hasStarted = false;
    const start = () => {
      if (hasStarted) return;
      hasStarted = true;
      accepted();
      if (element) conversation.append(element);
      conversation.append(reply.element);
    };
    const onText = (/** @type {string} */ delta) => {
      start();
      reply.append(delta);
      conversation.lastElementChild?.scrollIntoView({ block: "nearest" });
    };
    try {
      const result = await chat(access.credential, body, { signal: state.abort.signal, onText });
      start();
      finish(added, reply, result);
    } catch (cause) {
      if (isAbort(cause) && !hasStarted) conversation.append(h("p.muted.small", {}, "Stopped before a response arrived."));
      else if (isAbort(cause)) keepPartial(added, reply);
      else {
        const error = asApiError(cause);
        reply.element.remove();
        if (hasStarted) element?.remove();
        hasStarted = false;
        fill(errors, errorNote(error, error.retryAfterMs === null ? null : () => turn(added, element, accepted)));
      }
    } finally {
      state.abort = null;
      setBusy(false);
      onUsage();
    }
    return hasStarted;
  }

  /**
   * @param {Message[]} added
   * @param {ReturnType<typeof modelMessage>} reply
   * @param {ChatTurn} result
   */
  function finish(added, reply, result) {
    const calls = result.calls.length ? { tool_calls: result.calls } : {};
    state.messages.push(...added, { role: "assistant", content: result.text || null, ...calls });
    if (result.calls.length) reply.element.append(toolCallsForm(result.calls, (results) => turn(results, null)));
    reply.element.append(usageLine(result));
  }

  /**
   * @param {Message[]} added
   * @param {ReturnType<typeof modelMessage>} reply
   */
  function keepPartial(added, reply) {
    const text = find(reply.element, ".text", HTMLElement).textContent;
    state.messages.push(...added, { role: "assistant", content: text });
    reply.element.append(usageLine({ usage: null, firstTokenMs: null, totalMs: null, finishReason: "stopped" }));
  }

  /** @param {boolean} isBusy */
  function setBusy(isBusy) {
    sendButton.disabled = isBusy;
    stopButton.hidden = !isBusy;
    place.setAttribute("aria-busy", String(isBusy));
  }

  /**
   * The request with the current settings, or null after showing what is wrong with them.
   *
   * @param {Message[]} messages
   */
  function request(messages) {
    try {
      const body = requestOf(messages);
      fill(errors);
      return body;
    } catch (error) {
      fill(errors, h("p.note.bad", { role: "alert" }, error instanceof Error ? error.message : String(error)));
      return null;
    }
  }

  /**
   * @param {Message[]} messages
   * @returns {ChatRequest}
   */
  function requestOf(messages) {
    const value = (/** @type {string} */ id) => /** @type {Control} */ (byId(id)).value.trim();
    /** @type {ChatRequest} */
    const body = { model: value("model"), messages };
    if (value("system")) body.messages = [{ role: "system", content: value("system") }, ...messages];
    if (value("temperature") !== "") body.temperature = Number(value("temperature"));
    if (value("max-tokens") !== "") body.max_tokens = Number(value("max-tokens"));
    const tools = functionsOf(value("functions"));
    if (tools.length) body.tools = tools;
    return { ...body, stream: true, stream_options: { include_usage: true } };
  }

  function showCode() {
    const text = message.value.trim() || (state.messages.length ? null : "Hello");
    const body = request(text ? [...state.messages, { role: "user", content: text }] : state.messages.slice(0, -1));
    if (!body) return;
    const entries = codeFor(access, body).map(({ id, label, text }) => ({ id, label, show: () => [snippet(text)] }));
    const dialog = h("dialog", { "aria-label": "Code", id: "code-dialog", onclose: () => dialog.remove() });
    fill(dialog, h("h2", {}, "Code for this conversation"), tabs("Languages", entries),
      h("p.row.end", {}, h("button", { type: "button", onclick: () => dialog.close() }, "Close")));
    document.body.append(dialog);
    dialog.showModal();
  }

  /** @param {ClipboardEvent} event */
  function pasteImages(event) {
    const files = [...event.clipboardData?.files ?? []].filter((each) => each.type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    addImages(files);
  }

  /** @param {File[]} files */
  async function addImages(files) {
    for (const each of files) {
      try {
        state.images.push(await asDataUrl(each));
      } catch {
        fill(errors, h("p.note.bad", { role: "alert" }, "The image could not be read. Try a PNG or JPEG file."));
      }
    }
    file.value = "";
    showImages();
  }

  function showImages() {
    const remove = (/** @type {number} */ index) => {
      state.images.splice(index, 1);
      showImages();
    };
    fill(images, state.images.map((image, index) => h("figure", {},
      h("img", { src: image, alt: `Image ${index + 1} to send` }),
      h("button.small", { type: "button", onclick: () => remove(index) }, "Remove"))));
  }

  /** @param {KeyboardEvent} event */
  function sendOnCtrlEnter(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  }

  function clear() {
    state.abort?.abort();
    state.messages = [];
    state.images = [];
    fill(conversation);
    fill(errors);
    fill(images);
    message.focus();
  }
}

/**
 * @param {ApiAccess} access
 * @param {AttendeeAccess} details
 * @param {Model[]} models
 */
function settingsOf(access, details, models) {
  /**
   * @param {string} id
   * @param {string} label
   * @param {Child} control
   */
  const field = (id, label, control, hint = "") =>
    h("div", {}, h("label", { for: id }, label), control, hint ? h("span.hint", {}, hint) : null);
  const options = models.map((model) => h("option", { value: model.id, selected: model.id === access.model }, model.id));
  return h("details.settings", {},
    h("summary", {}, "Model and settings"),
    h("div.grid", {},
      field("model", "Model", h("select", { id: "model" }, options)),
      field("temperature", "Temperature", h("input", { id: "temperature", type: "number", min: "0", max: "2", step: "0.1" }),
        "Lower is more predictable, higher is more varied. Leave empty for the model's default."),
      field("max-tokens", "Max output tokens", h("input", { id: "max-tokens", type: "number", min: "1", max: String(details.max_completion_tokens) }),
        `The event allows at most ${details.max_completion_tokens}.`),
      h("div.wide", {}, field("system", "System prompt", h("textarea", { id: "system", rows: "2" }))),
      h("div.wide", {}, field("functions", "Functions", h("textarea", { id: "functions", class: "mono", rows: "4", spellcheck: "false",
        placeholder: "[{\"name\": \"weather\", \"description\": \"…\", \"parameters\": {\"type\": \"object\", \"properties\": {}}}]" }),
      "A JSON list of functions that the model may call. You enter the function results yourself."))));
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
    throw new Error(`The functions are not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  /** @type {(Partial<Tool> & Partial<Tool["function"]> | null)[]} */
  const list = Array.isArray(parsed) ? parsed : [parsed];
  return list.map((each) => {
    const { name, ...rest } = each?.function ?? each ?? {};
    if (!name) throw new Error("Each function needs a name.");
    return /** @type {Tool} */ (each?.function ? each : { type: "function", function: { name, ...rest } });
  });
}

/**
 * An image as a data URL, scaled down if it is large.
 *
 * @param {File} file
 */
async function asDataUrl(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MAX_IMAGE_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = h("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.toDataURL("image/jpeg", 0.85);
}
