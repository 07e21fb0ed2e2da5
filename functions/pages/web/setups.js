// @ts-check
// The configuration of a coding tool or SDK, as the service writes it.

/** @import { ApiAccess } from "../types.d.ts" */

import { send } from "./api.js";
import { download, fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { powershellExport, shellExport } from "./literals.js";
import * as t from "./texts.js";

const STORAGE_KEY = "lanyard.tool";
const PLACEHOLDER = "CODE/USER";
/** The environment variable from which configurations take the key. */
const KEY_VARIABLE = "LANYARD_KEY";
/** Tools that speak Anthropic's format, which models of Claude serve. */
const SPEAK_MESSAGES = /anthropic|claude/;

/**
 * Where tools look for their file. The others have lines to run or to copy. `src/setup.rs` has the same list.
 *
 * @type {Record<string, string>}
 */
const PLACES = {
  codex: "~/.codex/config.toml",
  continue: "~/.continue/config.yaml",
  kilo: "~/.config/kilo/kilo.json",
  llm: "extra-openai-models.yaml",
  opencode: "~/.config/opencode/opencode.json",
  pi: "~/.pi/agent/models.json",
  "pi-claude": "~/.pi/agent/models.json",
};

/** @typedef {{ names: () => Promise<string[]>, text: (tool: string) => Promise<string> }} Setups */

/**
 * The configurations as the service writes them, each with a model that serves the tool. Tools that no model of the event
 * serves are left out.
 *
 * @param {Pick<ApiAccess, "model" | "messagesModel">} access
 * @returns {Setups}
 */
export function serviceSetups({ model, messagesModel }) {
  const modelOf = (/** @type {string} */ tool) => (SPEAK_MESSAGES.test(tool) ? messagesModel : model);
  return {
    names: async () => (await (await send("/setup")).text()).split("\n").filter((name) => name !== "" && modelOf(name) !== null),
    text: async (tool) => (await send(`/setup/${encodeURIComponent(tool)}?model=${encodeURIComponent(modelOf(tool) ?? model)}`)).text(),
  };
}

/**
 * The configurations that a file has in it, by tool.
 *
 * @param {Record<string, string>} texts
 * @returns {Setups}
 */
export function savedSetups(texts) {
  return { names: async () => Object.keys(texts), text: async (tool) => texts[tool] ?? "" };
}

/**
 * A list of tools, and the configuration of the one that is chosen. The browser remembers the choice.
 *
 * @param {ApiAccess} access
 * @param {(text: string) => Element} view
 * @param {Setups} setups
 */
export function setupPicker(access, view, setups = serviceSetups(access)) {
  const { credential } = access;
  const place = h("div.setup", { "aria-live": "polite" });
  const select = h("select", { id: "setup-tool", onchange: choose });

  function choose() {
    localStorage.setItem(STORAGE_KEY, select.value);
    show();
  }

  async function list() {
    try {
      const names = await setups.names();
      fill(select, h("option", { value: "" }, t.chooseATool), names.map((name) => h("option", { value: name }, t.TOOL_NAMES[name] ?? name)));
      const saved = localStorage.getItem(STORAGE_KEY) ?? "";
      select.value = names.includes(saved) ? saved : "";
      await show();
    } catch (error) {
      fill(place, errorNote(error));
    }
  }

  async function show() {
    const tool = select.value;
    fill(place);
    if (tool === "") return;
    try {
      const text = withCredential(await setups.text(tool), credential);
      // Another tool may have been chosen in the meantime.
      if (select.value !== tool) return;
      place.setAttribute("data-tool", tool);
      fill(place, placeLine(tool, text), view(text), readsKey(tool, text) ? keyLines(credential, view) : null);
    } catch (error) {
      fill(place, errorNote(error));
    }
  }

  list();
  return [h("p.setup-choice", {}, h("label", { for: select.id }, t.configurationForATool), select), place];
}

/**
 * Where the file goes, and a button that saves it under its name.
 *
 * @param {string} tool
 * @param {string} text
 */
function placeLine(tool, text) {
  const path = PLACES[tool];
  if (!path) return null;
  const name = path.slice(path.lastIndexOf("/") + 1);
  return h("p.row", {}, h("span", {}, t.saveAs, h("code", {}, path)),
    h("button.small", { type: "button", "data-action": "save-setup", onclick: () => download(name, "application/octet-stream", text) }, t.downloadFile(name)));
}

/**
 * Whether the tool takes the key from the environment, and the configuration does not set it there.
 *
 * @param {string} tool
 * @param {string} text
 */
function readsKey(tool, text) {
  // A comment may say how to set it.
  const setsKey = text.split("\n").some((line) => line.startsWith(`export ${KEY_VARIABLE}=`));
  // Continue reads a file of its own, which the configuration names.
  return tool !== "continue" && text.includes(KEY_VARIABLE) && !setsKey;
}

/**
 * The command that sets the key, for both kinds of shell.
 *
 * @param {string} credential
 * @param {(text: string) => Element} view
 */
function keyLines(credential, view) {
  return h("div.setup-key", {}, h("p", {}, t.setTheKeyFirst), view(shellExport(KEY_VARIABLE, credential)),
    h("p.small.muted", {}, t.inPowershell, h("code", {}, powershellExport(KEY_VARIABLE, credential))));
}

/**
 * The configuration with the credential in its place, unless a shell or a file would read its characters differently.
 *
 * @param {string} text
 * @param {string} credential
 */
function withCredential(text, credential) {
  return /^[\w.@+/-]+$/.test(credential) ? text.replaceAll(PLACEHOLDER, credential) : text;
}
