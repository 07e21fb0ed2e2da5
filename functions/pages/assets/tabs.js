// Tabs by the usual keys: arrows, Home and End.

import { fill, h } from "./dom.js";

let lists = 0;

/** Tabs over `[{id, label, show}]`, where `show()` gives what the panel holds. */
export function tabs(label, entries) {
  const list = `tabs-${lists += 1}`;
  const panel = h("div", { role: "tabpanel", id: `${list}-panel`, tabindex: "0" });
  const buttons = entries.map((entry, index) => h("button", {
    type: "button", role: "tab", id: `${list}-${entry.id}`, "data-tab": entry.id, "aria-controls": panel.id,
    onclick: () => choose(index), onkeydown: (event) => move(event, index),
  }, entry.label));

  function choose(index) {
    buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === index));
      button.tabIndex = other === index ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", buttons[index].id);
    fill(panel, entries[index].show());
  }

  function move(event, index) {
    const last = buttons.length - 1;
    const to = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index ? index - 1 : last, Home: 0, End: last };
    if (!(event.key in to)) return;
    event.preventDefault();
    buttons[to[event.key]].focus();
    choose(to[event.key]);
  }

  choose(0);
  return [h("div", { role: "tablist", "aria-label": label }, buttons), panel];
}
