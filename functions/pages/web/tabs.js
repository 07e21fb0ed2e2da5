// @ts-check
// Tabs with the usual keys: arrows, Home and End.

/** @import { Tab } from "../types.d.ts" */

import { fill, h } from "./dom.js";

let lists = 0;

/**
 * Tabs. The first is selected, or the one that was selected last under the name `memory`.
 *
 * @param {string} label
 * @param {Tab[]} entries
 * @param {string} [memory]
 */
export function tabs(label, entries, memory) {
  lists += 1;
  const list = `tabs-${lists}`;
  const panel = h("div", { role: "tabpanel", id: `${list}-panel`, tabindex: "0" });
  const items = entries.map((entry, index) => ({
    entry,
    button: h("button", {
      type: "button", role: "tab", id: `${list}-${entry.id}`, "data-tab": entry.id, "aria-controls": panel.id,
      onclick: () => select(index), onkeydown: (event) => move(event, index),
    }, entry.label),
  }));

  /** @param {number} index */
  function choose(index) {
    items.forEach(({ entry, button }, other) => {
      button.setAttribute("aria-selected", String(other === index));
      button.tabIndex = other === index ? 0 : -1;
      if (other !== index) return;
      panel.setAttribute("aria-labelledby", button.id);
      fill(panel, entry.show());
    });
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} index
   */
  function move(event, index) {
    const last = items.length - 1;
    /** @type {Record<string, number>} */
    const targets = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index ? index - 1 : last, Home: 0, End: last };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    items[target]?.button.focus();
    select(target);
  }

  /** @param {number} index */
  function select(index) {
    choose(index);
    try {
      if (memory) localStorage.setItem(memory, entries[index]?.id ?? "");
    } catch {
      // Storage is blocked.
    }
  }

  choose(Math.max(0, entries.findIndex(({ id }) => memory && id === localStorage.getItem(memory))));
  return [h("div", { role: "tablist", "aria-label": label }, items.map(({ button }) => button)), panel];
}
