// @ts-check
// A chat with the event's models. Nothing leaves the page but the calls of the API, which count as any other does.

/** @import { ApiAccess, AttendeeAccess, Child, ChatRequest, ChatTurn, ContentPart, Control, Message, Model, Tool } from "../types.d.ts" */
/** @import { answerTurn as AnswerTurn } from "./turn.js" */

import { leftInShort } from "./allowance.js";
import { asRefusal, isAbort } from "./api.js";
import { byId, fill, find, h } from "./dom.js";
import { note } from "./errors.js";
import { codeOf, snippetView } from "./snippets.js";
import { chat } from "./stream.js";
import { tabs } from "./tabs.js";
import { answerTurn, callsView, costLine, userTurn } from "./turn.js";

/** Longest side of a picture that is sent, in pixels: more costs tokens and shows the model nothing. */
const LARGEST_SIDE = 1024;

/**
 * Sets the playground up in a section whose heading is there. `spent` is called after each turn.
 *
 * @param {Element} place
 * @param {ApiAccess} access
 * @param {AttendeeAccess} known
 * @param {() => void} spent
 */
export function playground(place, access, known, spent) {
  const heading = find(place, "h2", HTMLElement);
  const models = known.models.filter((model) => model.operations.includes("chat_completions"));
  if (!models.length) {
    fill(place, heading, h("p", {}, "This event has no chat model."));
    return;
  }
  /** @type {{ messages: Message[], pictures: string[], abort: AbortController | null }} */
  const state = { messages: [], pictures: [], abort: null };
  const talk = h("div.talk", { id: "talk", role: "log", "aria-label": "Conversation", tabindex: "0" });
  const trouble = h("div", { id: "trouble", "aria-live": "assertive" });
  const pictures = h("div.pictures");
  const message = h("textarea", { id: "message", required: true, placeholder: "Ask something", onpaste: pasted, onkeydown: hurried });
  const file = h("input.quiet", { type: "file", accept: "image/*", id: "picture", tabindex: "-1", "aria-label": "Image",
    onchange: () => add([...file.files ?? []]) });
  const sendButton = h("button.main", { id: "send" }, "Send");
  const stopButton = h("button.grave", { id: "stop", type: "button", hidden: true, onclick: () => state.abort?.abort() }, "Stop");
  const form = h("form.ask", { onsubmit: submit },
    h("label", { for: "message" }, "Message"),
    message, pictures, file,
    h("div.row", {}, sendButton, stopButton,
      h("button", { type: "button", onclick: () => file.click() }, "Add image"),
      h("button", { type: "button", id: "show-code", onclick: showCode }, "Show code"),
      h("button.plain", { type: "button", onclick: clear }, "New conversation")),
    h("p.small", { id: "left-short", "aria-live": "polite" }, leftInShort(known)),
    h("span.hint", {}, "Press Ctrl+Enter to send. You can paste an image; some models do not accept images."));
  const settings = settingsOf(access, known, models);
  fill(place, heading,
    h("p.soft", {}, "Each message counts against your limits. The whole conversation is sent every time."),
    settings, talk, trouble, form);

  /** @param {SubmitEvent} submitted */
  function submit(submitted) {
    submitted.preventDefault();
    const text = message.value.trim();
    if (!text || state.abort) return;
    const sent = state.pictures;
    /** @type {string | ContentPart[]} */
    const content = sent.length
      ? [{ type: "text", text }, ...sent.map((url) => /** @type {const} */ ({ type: "image_url", image_url: { url } }))]
      : text;
    turn([{ role: "user", content }], userTurn(text, sent), () => {
      message.value = "";
      state.pictures = [];
      fill(pictures);
    });
  }

  /**
   * Sends the conversation with these messages, and says whether an answer came: only then do they stay in it.
   *
   * @param {Message[]} added
   * @param {HTMLElement | null} shown
   * @returns {Promise<boolean>}
   */
  async function turn(added, shown, accepted = () => {}) {
    const body = request([...state.messages, ...added]);
    if (!body) {
      byId("functions").focus();
      return false;
    }
    const answer = answerTurn();
    state.abort = new AbortController();
    busy(true);
    let heardAny = false;
    const begin = () => {
      if (heardAny) return;
      heardAny = true;
      accepted();
      if (shown) talk.append(shown);
      talk.append(answer.element);
    };
    const heard = (/** @type {string} */ words) => {
      begin();
      answer.say(words);
      talk.lastElementChild?.scrollIntoView({ block: "nearest" });
    };
    try {
      const said = await chat(access.credential, body, { signal: state.abort.signal, heard });
      begin();
      ended(added, answer, said);
    } catch (thrown) {
      if (isAbort(thrown) && !heardAny) talk.append(h("p.soft.small", {}, "Stopped before a response arrived."));
      else if (isAbort(thrown)) stopped(added, answer);
      else {
        const fault = asRefusal(thrown);
        answer.element.remove();
        if (heardAny) shown?.remove();
        heardAny = false;
        fill(trouble, note(fault, fault.retryAfterMs === null ? null : () => turn(added, shown, accepted)));
      }
    } finally {
      state.abort = null;
      busy(false);
      spent();
    }
    return heardAny;
  }

  /**
   * @param {Message[]} added
   * @param {ReturnType<typeof AnswerTurn>} answer
   * @param {ChatTurn} said
   */
  function ended(added, answer, said) {
    const calls = said.calls.length ? { tool_calls: said.calls } : {};
    state.messages.push(...added, { role: "assistant", content: said.text || null, ...calls });
    if (said.calls.length) answer.element.append(callsView(said.calls, (results) => turn(results, null)));
    answer.element.append(costLine(said));
  }

  /**
   * @param {Message[]} added
   * @param {ReturnType<typeof AnswerTurn>} answer
   */
  function stopped(added, answer) {
    const text = find(answer.element, ".text", HTMLElement).textContent;
    state.messages.push(...added, { role: "assistant", content: text });
    answer.element.append(costLine({ usage: null, firstMs: null, totalMs: null, ended: "stopped" }));
  }

  /** @param {boolean} isBusy */
  function busy(isBusy) {
    sendButton.disabled = isBusy;
    stopButton.hidden = !isBusy;
    place.setAttribute("aria-busy", String(isBusy));
  }

  /**
   * The request by the settings; where they are wrong, that is said and there is none.
   *
   * @param {Message[]} messages
   */
  function request(messages) {
    try {
      const body = requestOf(messages);
      fill(trouble);
      return body;
    } catch (fault) {
      fill(trouble, h("p.note.bad", { role: "alert" }, fault instanceof Error ? fault.message : String(fault)));
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
    if (value("cap") !== "") body.max_tokens = Number(value("cap"));
    const tools = functionsOf(value("functions"));
    if (tools.length) body.tools = tools;
    return { ...body, stream: true, stream_options: { include_usage: true } };
  }

  function showCode() {
    const text = message.value.trim() || (state.messages.length ? null : "Hello");
    const body = request(text ? [...state.messages, { role: "user", content: text }] : state.messages.slice(0, -1));
    if (!body) return;
    const entries = codeOf(access, body).map(({ id, label, text }) => ({ id, label, show: () => [snippetView(text)] }));
    const dialog = h("dialog", { "aria-label": "Code", id: "code-dialog", onclose: () => dialog.remove() });
    fill(dialog, h("h2", {}, "Code for this conversation"), tabs("Languages", entries),
      h("p.row.end", {}, h("button", { type: "button", onclick: () => dialog.close() }, "Close")));
    document.body.append(dialog);
    dialog.showModal();
  }

  /** @param {ClipboardEvent} event */
  function pasted(event) {
    const files = [...event.clipboardData?.files ?? []].filter((each) => each.type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    add(files);
  }

  /** @param {File[]} files */
  async function add(files) {
    for (const each of files) {
      try {
        state.pictures.push(await asDataUrl(each));
      } catch {
        fill(trouble, h("p.note.bad", { role: "alert" }, "The image could not be read. Try a PNG or JPEG file."));
      }
    }
    file.value = "";
    showPictures();
  }

  function showPictures() {
    const remove = (/** @type {number} */ index) => {
      state.pictures.splice(index, 1);
      showPictures();
    };
    fill(pictures, state.pictures.map((picture, index) => h("figure", {},
      h("img", { src: picture, alt: `Image ${index + 1} to send` }),
      h("button.small", { type: "button", onclick: () => remove(index) }, "Remove"))));
  }

  /** @param {KeyboardEvent} event */
  function hurried(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  }

  function clear() {
    state.abort?.abort();
    state.messages = [];
    state.pictures = [];
    fill(talk);
    fill(trouble);
    fill(pictures);
    message.focus();
  }
}

/**
 * @param {ApiAccess} access
 * @param {AttendeeAccess} known
 * @param {Model[]} models
 */
function settingsOf(access, known, models) {
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
      field("cap", "Max output tokens", h("input", { id: "cap", type: "number", min: "1", max: String(known.max_completion_tokens) }),
        `The event allows at most ${known.max_completion_tokens}.`),
      h("div.wide", {}, field("system", "System prompt", h("textarea", { id: "system", rows: "2" }))),
      h("div.wide", {}, field("functions", "Functions", h("textarea", { id: "functions", class: "mono", rows: "4", spellcheck: "false",
        placeholder: "[{\"name\": \"weather\", \"description\": \"…\", \"parameters\": {\"type\": \"object\", \"properties\": {}}}]" }),
      "A JSON list of functions that the model may call. You enter the function results yourself."))));
}

/**
 * The tools of a JSON text, whether it lists functions or whole tools.
 *
 * @param {string} text
 * @returns {Tool[]}
 */
function functionsOf(text) {
  if (!text) return [];
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch (fault) {
    throw new Error(`The functions are not valid JSON: ${fault instanceof Error ? fault.message : fault}`);
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
 * A picture, made smaller where it is large, as a data URL.
 *
 * @param {File} file
 */
async function asDataUrl(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = h("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.toDataURL("image/jpeg", 0.85);
}
