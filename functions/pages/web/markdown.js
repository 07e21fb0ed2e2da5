// @ts-check
// Renders Markdown from the tokens of marked's lexer.
//
// No HTML is made from text: unknown tokens and HTML stay as text, and only http and https URLs become links.

/** @import { Token, Tokens } from "marked" */
/** @import { Child } from "../types.d.ts" */

import { Lexer } from "marked";
import { copyButton } from "./copy-button.js";
import { h } from "./dom.js";
import { highlight } from "./highlight.js";
import * as t from "./texts.js";

/**
 * The elements of a text. The page has the h1 and h2; `top` is the level of the highest heading.
 *
 * @param {string} text
 */
export function markdown(text, top = 2) {
  const tokens = new Lexer({ gfm: true }).lex(text);
  const levels = headings(tokens, top);
  return tokens.flatMap((token) => block(token, levels.get(token)) ?? []);
}

/**
 * Markdown that grows. `show(text)` keeps the elements of blocks that did not change, so that a selection in them and
 * their scroll positions stay.
 *
 * @param {HTMLElement} place
 */
export function liveMarkdown(place, top = 4) {
  /** @type {{ raw: string, element: HTMLElement }[]} */
  let shown = [];
  return {
    /** @param {string} text */
    show(text) {
      const tokens = new Lexer({ gfm: true, breaks: true }).lex(text);
      const levels = headings(tokens, top);
      const old = shown;
      shown = tokens.flatMap((token, index) => {
        const kept = old[index];
        if (kept?.raw === token.raw) return [kept];
        const element = block(token, levels.get(token)) ?? h("span");
        return [{ raw: token.raw, element }];
      });
      old.forEach((one, index) => { if (shown[index] !== one) one.element.remove(); });
      shown.forEach(({ element }, index) => {
        const at = place.children[index] ?? null;
        if (at !== element) place.insertBefore(element, at);
      });
    },
  };
}

/**
 * The level of each heading. Levels are never skipped, whatever the text does.
 *
 * @param {Token[]} tokens
 * @param {number} top
 */
function headings(tokens, top) {
  const all = /** @type {Tokens.Heading[]} */ (tokens.filter((token) => token.type === "heading"));
  const highest = Math.min(...all.map((token) => token.depth));
  let level = top - 1;
  return new Map(all.map((token) => {
    level = Math.min(6, level + 1, token.depth - highest + top);
    return [/** @type {Token} */ (token), level];
  }));
}

/**
 * @param {Token} token
 * @param {number} [level]
 * @returns {HTMLElement | null}
 */
function block(token, level = 6) {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      return h(`h${level}`, {}, inline(token.tokens));
    case "code":
      return codeBlock(token.text, /^\S*/.exec(token.lang ?? "")?.[0] ?? "");
    case "hr":
      return h("hr");
    case "blockquote":
      return h("blockquote", {}, (token.tokens ?? []).map((each) => block(each)));
    case "list":
      return list(/** @type {Tokens.List} */ (token));
    case "table":
      return table(/** @type {Tokens.Table} */ (token));
    case "paragraph":
    case "text":
      return h("p", {}, token.tokens ? inline(token.tokens) : token.raw);
    default:
      return h("p", {}, token.raw.trim());
  }
}

/**
 * Code with its language, colours and a copy button.
 *
 * @param {string} code
 * @param {string} language
 */
export function codeBlock(code, language) {
  return h("div.code-block", {},
    h("div.code-head", {}, h("span", {}, language), copyButton(() => code)),
    h("pre", { tabindex: "0" }, h("code", {}, highlight(code, language))));
}

/** @param {Tokens.List} token */
function list(token) {
  const items = token.items.map((item) => h("li", {},
    item.task ? h("input", { type: "checkbox", checked: item.checked ?? false, disabled: true, "aria-label": t.done }) : null,
    item.tokens.map((each) => (each.type === "text" ? inline(each.tokens ?? [each]) : each.type === "checkbox" ? null
      : each.type === "paragraph" && !item.loose ? inline(each.tokens ?? []) : block(each)))));
  return token.ordered
    ? h("ol", { start: token.start === 1 || token.start === "" ? null : String(token.start) }, items)
    : h("ul", {}, items);
}

/** @param {Tokens.Table} token */
function table(token) {
  const cell = (/** @type {string} */ name, /** @type {Tokens.TableCell} */ each) =>
    h(`${name}${each.align === "right" ? ".number" : each.align === "center" ? ".center" : ""}`, name === "th" ? { scope: "col" } : {}, inline(each.tokens));
  return h("div.table-scroll", { tabindex: "0", role: "region", "aria-label": t.tableLabel }, h("table", {},
    h("thead", {}, h("tr", {}, token.header.map((each) => cell("th", each)))),
    h("tbody", {}, token.rows.map((row) => h("tr", {}, row.map((each) => cell("td", each)))))));
}

/**
 * @param {Token[] | undefined} tokens
 * @returns {Child[]}
 */
function inline(tokens) {
  return (tokens ?? []).map((token) => {
    switch (token.type) {
      case "strong":
      case "em":
      case "del":
        return h(token.type, {}, inline(token.tokens));
      case "codespan":
        return h("code", {}, token.text);
      case "br":
        return h("br");
      case "link":
        return link(/** @type {Tokens.Link} */ (token));
      case "text":
        return token.tokens ? inline(token.tokens) : unescaped(token.text);
      case "escape":
        return token.text;
      default:
        // Images and HTML as well: nothing is loaded from addresses that a model or an organiser's text names.
        return token.raw;
    }
  });
}

/** @param {Tokens.Link} token */
function link(token) {
  const address = webAddress(token.href);
  if (!address) return token.raw;
  return h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, inline(token.tokens));
}

/** @type {Record<string, string>} */
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#39;": "'", "&nbsp;": " " };

/**
 * The entities that models write in plain text.
 *
 * @param {string} text
 */
function unescaped(text) {
  return text.replace(/&(?:amp|lt|gt|quot|#39|nbsp);/g, (entity) => ENTITIES[entity] ?? entity);
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
