// @ts-check
// Renders a subset of Markdown: headings, paragraphs, lists, emphasis, code and links.
//
// It parses no HTML. Unknown syntax stays as text, and only http and https URLs become links.

/** @import { Child } from "../types.d.ts" */

import { h } from "./dom.js";

const INLINE = /(`+)([^`]+?)\1|\*\*(\S(?:.*?\S)?)\*\*|__(\S(?:.*?\S)?)__|\*(\S(?:[^*]*?\S)?)\*|\b_(\S(?:[^_]*?\S)?)_\b|\[([^\]\n]+)\]\(([^\s()<>]+)\)|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"])/;

/**
 * The elements of a text.
 *
 * @param {string} text
 */
export function markdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  const highest = Math.min(...lines.flatMap((line) => heading(line)?.level ?? []));
  // The page has the h1. Headings never skip a level, whatever the text does.
  let level = 1;
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const title = heading(line);
    const fence = /^ {0,3}(```+|~~~+)/.exec(line)?.[1];
    if (!line.trim()) {
      at += 1;
    } else if (title) {
      level = Math.min(6, level + 1, title.level - highest + 2);
      blocks.push(h(`h${level}`, {}, inline(title.text)));
      at += 1;
    } else if (fence) {
      const end = lines.findIndex((other, index) => index > at && other.trim().startsWith(fence));
      const last = end < 0 ? lines.length : end;
      blocks.push(h("pre", { tabindex: "0" }, h("code", {}, lines.slice(at + 1, last).join("\n"))));
      at = last + 1;
    } else if (item(line)) {
      const [list, next] = listAt(lines, at);
      blocks.push(list);
      at = next;
    } else {
      const length = lines.slice(at + 1).findIndex((other) => !other.trim() || startsBlock(other));
      const end = length < 0 ? lines.length : at + 1 + length;
      blocks.push(h("p", {}, inline(lines.slice(at, end).join("\n"))));
      at = end;
    }
  }
  return blocks;
}

/** @param {string} line */
function startsBlock(line) {
  return /^ {0,3}(#{1,6}\s|```|~~~)/.test(line) || item(line) !== null;
}

/** @param {string} line */
function heading(line) {
  const [, marks, text] = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line) ?? [];
  return marks === undefined || text === undefined ? null : { level: marks.length, text };
}

/** @param {string} line */
function item(line) {
  const [, mark, text] = /^ {0,3}([-*+]|\d{1,9}[.)])\s+(.*)$/.exec(line) ?? [];
  return mark === undefined || text === undefined ? null : { isOrdered: /\d/.test(mark), text };
}

/**
 * @param {string[]} lines
 * @param {number} from
 * @returns {[HTMLElement, number]}
 */
function listAt(lines, from) {
  const isOrdered = item(lines[from] ?? "")?.isOrdered ?? false;
  /** @type {string[]} */
  const items = [];
  let at = from;
  for (const line of lines.slice(from)) {
    const found = item(line);
    if (found?.isOrdered === isOrdered) items.push(found.text);
    else if (!found && /^\s{2,}\S/.test(line)) items.push(`${items.pop()} ${line.trim()}`);
    else break;
    at += 1;
  }
  return [h(isOrdered ? "ol" : "ul", {}, items.map((text) => h("li", {}, inline(text)))), at];
}

/**
 * @param {string} text
 * @returns {Child[]}
 */
function inline(text) {
  /** @type {Child[]} */
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

/**
 * @param {RegExpExecArray} found
 * @returns {Child}
 */
function part([whole, , code, stars, underlines, star, underline, label, target, bare]) {
  const [strong, emphasis] = [stars ?? underlines, star ?? underline];
  if (code !== undefined) return h("code", {}, code.trim());
  if (strong) return h("strong", {}, inline(strong));
  if (emphasis) return h("em", {}, inline(emphasis));
  const address = webAddress(target ?? bare ?? "");
  if (!address) return whole;
  return h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, label ? inline(label) : bare);
}

/**
 * An http or https URL, or null.
 *
 * @param {string} text
 */
export function webAddress(text) {
  try {
    const address = new URL(text);
    return ["http:", "https:"].includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}
