// @ts-check
// A chat with the event's models. Its requests count like any other.

/** @import { ApiAccess, AttendeeAccess, Model, ModelTurn, PlaygroundRequest, Turn } from "../types.d.ts" */

import { isAbort } from "./api.js";
import { modelTurn, storeConversation, storedConversation, update, userTurn } from "./conversation.js";
import { fill, find, h, syncChildren } from "./dom.js";
import { errorNote } from "./errors.js";
import { imageList } from "./images.js";
import { remainingSummary } from "./limits.js";
import { isSend, modelMessage, userMessage } from "./messages.js";
import { kindOf, settingsOf } from "./playground-settings.js";
import { codeFor, snippet } from "./snippets.js";
import { chat, generateImage, rate, respond } from "./stream.js";
import { tabs } from "./tabs.js";
import * as t from "./texts.js";

/** How close to the end, in pixels, counts as at the end. */
const AT_END = 40;

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
  const models = details.models.filter((model) => kindOf(model));
  if (!models.length) {
    fill(place, heading, h("p", {}, t.thisEventHasNoModel));
    return;
  }
  const stored = storedConversation(access.credential);
  /** @type {{ turns: Turn[], abort: AbortController | null, isFollowing: boolean }} */
  const state = { turns: stored?.turns ?? [], abort: null, isFollowing: true };
  /** @type {WeakMap<Turn, { element: HTMLElement, show?: () => void }>} */
  const views = new WeakMap();

  const problem = h("div", { id: "chat-error", "aria-live": "assertive" });
  const status = h("span.visually-hidden", { role: "status" });
  const conversation = h("div.conversation", { id: "conversation", role: "log", "aria-label": t.conversation, tabindex: "0", onscroll: onScroll });
  const jump = h("button.small.jump", { type: "button", hidden: true, onclick: () => { state.isFollowing = true; follow(); } }, t.jumpToTheEnd);
  const images = imageList(showProblem);
  const message = h("textarea", { id: "message", rows: "2", placeholder: t.askSomething, "aria-label": t.message, "aria-describedby": "message-hint",
    onpaste: (event) => { if (images.addFrom(event.clipboardData)) event.preventDefault(); }, onkeydown: keys });
  const file = h("input.visually-hidden", { type: "file", accept: "image/*", id: "image-file", multiple: true, tabindex: "-1", "aria-label": t.image,
    onchange: addFiles });
  const send = h("button.main", { id: "send" }, t.send);
  const stop = h("button.danger", { id: "stop", type: "button", hidden: true, onclick: () => state.abort?.abort() }, t.stop);
  const model = h("select", { id: "model", "aria-label": t.model, onchange: save }, models.map((each) => h("option", { value: each.id }, each.id)));
  model.value = models.find(({ id }) => id === stored?.model)?.id ?? models.find(({ id }) => id === access.model)?.id ?? models[0]?.id ?? "";
  const settings = settingsOf(details, stored?.settings ?? {}, save);
  const form = h("form.compose", { onsubmit: submit, ondragover: dragOver, ondragleave: () => form.classList.remove("drop"), ondrop: drop },
    images.element, message, file,
    h("div.row.spread", {},
      h("div.row", {}, h("button.small", { type: "button", onclick: () => file.click() }, t.addImage),
        h("span.hint", { id: "message-hint" }, t.enterSendsShiftEnter)),
      h("div.row", {}, send, stop)),
    h("p.small.muted", { id: "remaining", "aria-live": "polite" }, remainingSummary(details)));

  fill(place,
    h("div.row.spread.play-head", {}, heading,
      h("div.row", {}, model,
        h("button.small", { type: "button", id: "show-code", onclick: showCode }, t.showCode),
        h("button.small", { type: "button", id: "new-conversation", onclick: clear }, t.newConversation))),
    settings.element,
    h("div.conversation-frame", {}, conversation, jump), problem, form, status);
  render();

  function save() {
    storeConversation({ credential: access.credential, model: model.value, settings: settings.values(), turns: state.turns });
  }

  /** @returns {Model | undefined} */
  const chosen = () => models.find(({ id }) => id === model.value) ?? models[0];

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    const text = message.value.trim();
    message.focus();
    if (state.abort || (!text && !images.take().length)) return;
    const turn = userTurn(text, images.take());
    const request = requestFor([...state.turns, turn]);
    if (!request) return;
    message.value = "";
    images.clear();
    ask([...state.turns, turn], request);
  }

  /**
   * The request for these turns, or null after showing what is wrong with the settings.
   *
   * @param {Turn[]} turns
   * @returns {PlaygroundRequest | null}
   */
  function requestFor(turns) {
    const asked = chosen();
    if (!asked) return null;
    try {
      const request = settings.request(asked, turns);
      fill(problem);
      return request;
    } catch (error) {
      showProblem(error instanceof Error ? error.message : String(error));
      settings.focusFunctions();
      return null;
    }
  }

  /** @param {string} text */
  function showProblem(text) {
    fill(problem, h("p.note.bad", { role: "alert" }, text));
  }

  /**
   * Shows these turns and a new one of the model, and fills that while its response arrives.
   *
   * @param {Turn[]} turns
   * @param {PlaygroundRequest | null} request
   */
  async function ask(turns, request = requestFor(turns)) {
    if (!request || state.abort) return;
    const turn = modelTurn(request.body.model);
    state.turns = [...turns, turn];
    state.abort = new AbortController();
    state.isFollowing = true;
    setBusy(true);
    render();
    // The conversation has grown, and Stop must stay in view.
    form.scrollIntoView({ block: "nearest" });
    save();
    const options = { signal: state.abort.signal, onUpdate: (/** @type {import("../types.d.ts").ChatTurn} */ arrived) => {
      update(turn, arrived);
      turn.state = "streaming";
      showSoon(turn);
    } };
    try {
      update(turn, await sent(request, options));
      turn.state = "done";
      status.textContent = t.responseComplete;
    } catch (cause) {
      turn.state = isAbort(cause) ? "stopped" : "failed";
      turn.error = cause;
      status.textContent = isAbort(cause) ? t.stopped : "";
    } finally {
      state.abort = null;
      setBusy(false);
      show(turn);
      save();
      onUsage();
    }
  }

  /**
   * @param {PlaygroundRequest} request
   * @param {Parameters<typeof chat>[2]} options
   */
  function sent(request, options) {
    if (request.kind === "chat") return chat(access.credential, request.body, options);
    if (request.kind === "responses") return respond(access.credential, request.body, options);
    return generateImage(access.credential, request.body, options);
  }

  let isDue = false;
  /**
   * Shows a turn with the next frame of the screen, however many pieces arrive until then. One that has ended meanwhile
   * is shown already, and its form must stay while somebody fills it in.
   *
   * @param {ModelTurn} turn
   */
  function showSoon(turn) {
    if (isDue) return;
    isDue = true;
    // A hidden tab has no frames.
    const wait = document.hidden ? setTimeout : requestAnimationFrame;
    wait(() => {
      isDue = false;
      if (turn.state === "streaming") show(turn);
    });
  }

  /** @param {Turn} turn */
  function show(turn) {
    views.get(turn)?.show?.();
    follow();
  }

  function follow() {
    if (state.isFollowing) conversation.scrollTop = conversation.scrollHeight;
    jump.hidden = state.isFollowing || !state.abort;
  }

  function onScroll() {
    state.isFollowing = conversation.scrollHeight - conversation.scrollTop - conversation.clientHeight < AT_END;
    jump.hidden = state.isFollowing || !state.abort;
  }

  function render() {
    syncChildren(conversation, state.turns.map((turn) => {
      const view = views.get(turn) ?? viewOf(turn);
      views.set(turn, view);
      return view.element;
    }));
    conversation.hidden = !state.turns.length;
    follow();
  }

  /** @param {Turn} turn */
  function viewOf(turn) {
    const before = () => state.turns.slice(0, state.turns.indexOf(turn));
    if (turn.role === "user") {
      return { element: userMessage(turn, {
        edit: (text) => ask([...before(), userTurn(text, turn.images)]),
        remove: () => remove(turn),
      }) };
    }
    return modelMessage(turn, {
      retry: () => ask(before()),
      remove: () => remove(turn),
      rate: async (rating) => {
        try {
          await rate(access.credential, turn.requestId ?? "", rating);
          turn.rating = rating;
          save();
        } catch (error) {
          fill(problem, errorNote(error));
        }
      },
      results: (texts) => {
        if (state.abort) return;
        turn.results = texts;
        show(turn);
        ask([...before(), turn]);
      },
    });
  }

  /**
   * Deletes a turn. With a message, its responses go as well.
   *
   * @param {Turn} turn
   */
  function remove(turn) {
    if (state.abort) return;
    const at = state.turns.indexOf(turn);
    const next = turn.role === "user" ? state.turns.findIndex((other, index) => index > at && other.role === "user") : at + 1;
    state.turns = state.turns.filter((_, index) => index < at || (next >= 0 && index >= next));
    render();
    save();
    message.focus();
  }

  /** @param {boolean} isBusy */
  function setBusy(isBusy) {
    send.hidden = isBusy;
    stop.hidden = !isBusy;
    conversation.setAttribute("aria-busy", String(isBusy));
  }

  function showCode() {
    const text = message.value.trim();
    const last = state.turns.findLastIndex((turn) => turn.role === "user");
    const turns = text || last < 0 ? [...state.turns, userTurn(text || t.hello, images.take())] : state.turns.slice(0, last + 1);
    const request = requestFor(turns);
    if (!request) return;
    const entries = codeFor(access, request).map(({ id, label, text: code }) => ({ id, label, show: () => [snippet(code, id)] }));
    const dialog = h("dialog", { "aria-label": t.code, id: "code-dialog", onclose: () => dialog.remove() });
    fill(dialog, h("h2", {}, t.codeForThisConversation), tabs(t.languages, entries),
      h("p.row.end", {}, h("button", { type: "button", onclick: () => dialog.close() }, t.close)));
    document.body.append(dialog);
    dialog.showModal();
  }

  async function addFiles() {
    await images.add([...file.files ?? []]);
    file.value = "";
    message.focus();
  }

  /** @param {DragEvent} event */
  function dragOver(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("drop");
  }

  /** @param {DragEvent} event */
  function drop(event) {
    form.classList.remove("drop");
    if (images.addFrom(event.dataTransfer)) event.preventDefault();
    message.focus();
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    if (!isSend(event)) return;
    event.preventDefault();
    form.requestSubmit();
  }

  function clear() {
    state.abort?.abort();
    state.turns = [];
    images.clear();
    fill(problem);
    render();
    save();
    message.focus();
  }
}
