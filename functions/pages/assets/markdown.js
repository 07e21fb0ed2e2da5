// A description in Markdown as elements: headings, paragraphs, lists, emphasis, code and links.
//
// It never makes markup of text. What it does not know stays as it was written, and only links to http and https are
// links.

import { h } from "./dom.js";

const INLINE = /(`+)([^`]+?)\1|\*\*(\S(?:.*?\S)?)\*\*|__(\S(?:.*?\S)?)__|\*(\S(?:[^*]*?\S)?)\*|\b_(\S(?:[^_]*?\S)?)_\b|\[([^\]\n]+)\]\(([^\s()<>]+)\)|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"])/;

const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;

/** The elements of a text. */
export function markdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  const levels = lines.map((line) => HEADING.exec(line)?.[1].length).filter(Boolean);
  const highest = Math.min(...levels);
  // The page's name is the first level. No level is left out on the way down, whatever the text does.
  let level = 1;
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const heading = HEADING.exec(line);
    const fence = /^ {0,3}(```+|~~~+)/.exec(line);
    if (!line.trim()) {
      at += 1;
    } else if (heading) {
      level = Math.min(6, level + 1, heading[1].length - highest + 2);
      blocks.push(h(`h${level}`, {}, inline(heading[2])));
      at += 1;
    } else if (fence) {
      const end = lines.findIndex((other, index) => index > at && other.trim().startsWith(fence[1]));
      const last = end < 0 ? lines.length : end;
      blocks.push(h("pre", { tabindex: "0" }, h("code", {}, lines.slice(at + 1, last).join("\n"))));
      at = last + 1;
    } else if (item(line)) {
      const [list, next] = listAt(lines, at);
      blocks.push(list);
      at = next;
    } else {
      const from = at;
      while (at < lines.length && lines[at].trim() && !(at > from && startsBlock(lines[at]))) at += 1;
      blocks.push(h("p", {}, inline(lines.slice(from, at).join("\n"))));
    }
  }
  return blocks;
}

function startsBlock(line) {
  return /^ {0,3}(#{1,6}\s|```|~~~)/.test(line) || item(line) !== null;
}

function item(line) {
  return /^ {0,3}([-*+]|\d{1,9}[.)])\s+(.*)$/.exec(line);
}

function listAt(lines, from) {
  const isOrdered = /\d/.test(item(lines[from])[1]);
  const items = [];
  let at = from;
  while (at < lines.length) {
    const found = item(lines[at]);
    if (found && /\d/.test(found[1]) === isOrdered) items.push(found[2]);
    else if (!found && lines[at].trim() && /^\s{2,}/.test(lines[at])) items.push(`${items.pop()} ${lines[at].trim()}`);
    else break;
    at += 1;
  }
  return [h(isOrdered ? "ol" : "ul", {}, items.map((text) => h("li", {}, inline(text)))), at];
}

function inline(text) {
  const parts = [];
  let rest = text;
  while (rest) {
    const found = INLINE.exec(rest);
    if (!found) break;
    if (found.index) parts.push(rest.slice(0, found.index));
    parts.push(part(found));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest) parts.push(rest);
  return parts;
}

function part([whole, , code, strong, alsoStrong, em, alsoEm, label, target, bare]) {
  if (code !== undefined) return h("code", {}, code.trim());
  if (strong ?? alsoStrong) return h("strong", {}, inline(strong ?? alsoStrong));
  if (em ?? alsoEm) return h("em", {}, inline(em ?? alsoEm));
  const address = webAddress(target ?? bare);
  if (!address) return whole;
  return h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, label ? inline(label) : bare);
}

/** An address that a link may lead to, or null. */
export function webAddress(text) {
  try {
    const address = new URL(text);
    return ["http:", "https:"].includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}
