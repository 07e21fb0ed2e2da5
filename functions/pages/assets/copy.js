// @ts-check
// Buttons that put a text on the clipboard, and say so.

import { h } from "./dom.js";

/**
 * A button that copies what `text()` gives when it is pressed.
 *
 * @param {() => string} text
 */
export function copyButton(text, label = "Copy") {
  const said = h("span.quiet", { role: "status" });
  const button = h("button.small", { type: "button", onclick: copy }, label);
  async function copy() {
    let words = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      words = "Select the text and copy it";
    }
    button.textContent = words;
    said.textContent = words;
    setTimeout(() => {
      button.textContent = label;
      said.textContent = "";
    }, 2000);
  }
  return h("span", {}, button, said);
}
