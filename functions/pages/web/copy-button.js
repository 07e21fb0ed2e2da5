// @ts-check
// A button that copies text to the clipboard.

import { h } from "./dom.js";
import * as t from "./texts.js";

/**
 * A button that copies the result of `text()`.
 *
 * @param {() => string} text
 */
export function copyButton(text, label = t.copy) {
  const status = h("span.visually-hidden", { role: "status" });
  const button = h("button.small", { type: "button", onclick: copy }, label);
  async function copy() {
    let message = t.copied;
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      message = t.selectTheTextAnd;
    }
    button.textContent = message;
    status.textContent = message;
    setTimeout(() => {
      button.textContent = label;
      status.textContent = "";
    }, 2000);
  }
  return h("span", {}, button, status);
}
