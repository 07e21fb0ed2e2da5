// @ts-check
// Checks that the pages have no texts but those of the catalogue, and show every text of it:
//
//     node tests/browser/texts.mjs
//
// A literal is a text if it is a child of an element, a label that people read or hear, or reads like words. The
// catalogue is functions/pages/web/texts.js and the files beside it.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "acorn";
import { ancestor } from "acorn-walk";
import * as texts from "../../functions/pages/web/texts.js";

/** @import { AnyNode, Literal, TemplateLiteral } from "acorn" */

const WEB = fileURLToPath(new URL("../../functions/pages/web/", import.meta.url));
/** Attributes that people read or hear. */
const READ = new Set(["aria-label", "placeholder", "title", "alt"]);
/** Functions whose arguments are names for programs. */
const OF_PROGRAMS = new Set(["querySelector", "querySelectorAll", "find", "byId", "closest", "replace", "replaceAll", "split", "startsWith",
  "endsWith", "includes", "setAttribute", "getAttribute", "send", "fetch", "TypeError"]);
/** Functions that pass their argument on, so that what is around them decides. */
const PASSING = new Set(["map", "flatMap", "filter", "join", "flat", "sort"]);
/** Attributes that only programs read. */
const UNREAD = new Set(["class", "id", "type", "href", "rel", "pattern", "transform", "className", "autocomplete"]);
/** Code examples in other languages are code, with comments for programmers. Names of products and languages stay as well. */
const EXAMPLES = new Set(["snippets.js", "claude-snippets.js"]);
/** Tables of letters and keywords, and the syntax of languages. */
const TABLES = new Set(["highlight.js", "literals.js", "transliterate.js"]);
const NOT_WORDS = new Set(["Enter", "Escape", "Home", "End", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "AbortError", "Files",
  "Authorization: Bearer …", "hour", "today", "all", "main", "gpt-5-mini", "github username", "user name"]);
/** JSON, addresses, paths below the address of the service, headers and transformations of SVG. */
const CODE = /^[[{]|^https:|^\0\/[\w/]*$|^Bearer |^rotate\(/;

/**
 * What a literal says, with a zero byte for each value in it.
 *
 * @param {Literal | TemplateLiteral} node
 */
function wordsOf(node) {
  return node.type === "Literal" ? String(node.value) : node.quasis.map(({ value }) => value.cooked).join("\0");
}

/** @param {AnyNode} node */
function calledName(node) {
  if (node.type !== "CallExpression" && node.type !== "NewExpression") return "";
  const { callee } = node;
  if (callee.type === "Identifier") return callee.name;
  return callee.type === "MemberExpression" && callee.property.type === "Identifier" ? callee.property.name : "";
}

/**
 * Whether people see a literal, from where it is: yes, no, or null if its words decide.
 *
 * @param {AnyNode} literal
 * @param {AnyNode[]} around from the inside to the outside
 */
function isSeen(literal, around) {
  let child = literal;
  for (const node of around) {
    if (node.type === "ImportDeclaration" || node.type === "ExportAllDeclaration" || node.type === "BinaryExpression" || node.type === "MemberExpression") return false;
    if (node.type === "Property") {
      if (node.key === child) return false;
      const name = node.key.type === "Identifier" ? node.key.name : node.key.type === "Literal" ? String(node.key.value) : "";
      return READ.has(name) ? true : UNREAD.has(name) ? false : null;
    }
    if (node.type === "AssignmentExpression" && node.left.type === "MemberExpression" && node.left.property.type === "Identifier") {
      return UNREAD.has(node.left.property.name) ? false : null;
    }
    if (node.type === "CallExpression" || node.type === "NewExpression") {
      const name = calledName(node);
      const place = node.arguments.findIndex((each) => each === child);
      if (name === "h" || name === "svg") return place >= 2 ? true : place === 0 ? false : null;
      if (name === "fill") return place >= 1;
      if (OF_PROGRAMS.has(name) && place >= 0) return false;
      if (!PASSING.has(name)) return null;
    }
    // One of something, or more of it.
    if (node.type === "ConditionalExpression" && node.test.type === "BinaryExpression" && node.test.right.type === "Literal" && node.test.right.value === 1) return true;
    if (node.type === "VariableDeclarator" || node.type === "ReturnStatement") return null;
    child = node;
  }
  return null;
}

/** @param {string} words */
function readsLikeWords(words) {
  return (/[\w,;:.>)\0]\s+[A-Za-z\0]/.test(words) && /[a-z]{2}/.test(words)) || /^\s*[A-Z][a-z]/.test(words) || /^ [a-z]+ ?$/.test(words);
}

/**
 * The texts in a script: `file:line: literal`.
 *
 * @param {string} file
 * @param {string} script
 */
function textsIn(file, script) {
  /** @type {string[]} */
  const found = [];
  /**
   * @param {AnyNode} node
   * @param {unknown} _
   * @param {AnyNode[]} ancestors
   */
  const look = (node, _, ancestors) => {
    if (node.type !== "TemplateLiteral" && (node.type !== "Literal" || typeof node.value !== "string")) return;
    const words = wordsOf(node);
    if (!/[A-Za-z]{2}/.test(words) || NOT_WORDS.has(words) || CODE.test(words)) return;
    const seen = isSeen(node, ancestors.slice(0, -1).reverse());
    const isText = seen ?? (!EXAMPLES.has(file) && readsLikeWords(words));
    if (isText) found.push(`${file}:${node.loc?.start.line}: ${script.slice(node.start, node.end)}`);
  };
  ancestor(parse(script, { ecmaVersion: 2024, sourceType: "module", locations: true }), { Literal: look, TemplateLiteral: look });
  return found;
}

/**
 * The texts in a page: what is between elements, and labels.
 *
 * @param {string} file
 * @param {string} page
 */
function textsInPage(file, page) {
  const words = page.replaceAll(/\{\{[\w.]+\}\}/g, "");
  const between = [...words.matchAll(/>([^<]*[A-Za-z]{2}[^<]*)</g)].map(([, each]) => each?.trim() ?? "");
  const labels = [...words.matchAll(/ (?:aria-label|placeholder|title|alt)="([^"]*[A-Za-z]{2}[^"]*)"/g)].map(([, each]) => each ?? "");
  return [...between, ...labels].filter((each) => !["Lanyard", "openapi.json"].includes(each)).map((each) => `${file}: ${each}`);
}

const files = readdirSync(WEB);
const scripts = files.filter((name) => name.endsWith(".js") && !TABLES.has(name) && !name.startsWith("texts"));
const pages = files.filter((name) => name.endsWith(".html"));
const read = (/** @type {string} */ name) => readFileSync(WEB + name, "utf8");
const outside = [...scripts.flatMap((name) => textsIn(name, read(name))), ...pages.flatMap((name) => textsInPage(name, read(name)))];
const all = [...scripts, ...pages].map(read).join("\n");
const unused = Object.keys(texts).filter((key) => !new RegExp(`(?<![\\w.])t\\.${key}\\b`).test(all));

// It is known to look: each of these is a text outside of the catalogue.
const MISTAKES = ["h(\"p\", {}, \"none\");", "fill(place, isOpen ? \"open\" : t.closed);", "h(\"input\", { placeholder: \"name\" });",
  "document.title = \"Events\";", "const message = `Delete $" + "{name}?`;", "ask(\"Delete it now?\", {});", "const noun = count === 1 ? \"name\" : t.names;"];
const missed = [...MISTAKES.filter((each) => !textsIn("mistake.js", each).length),
  ...["<p>Join</p>", "<nav aria-label=\"Pages\"></nav>"].filter((each) => !textsInPage("mistake.html", each).length)];

for (const each of outside) console.log(`outside of functions/pages/web/texts: ${each}`);
for (const each of unused) console.log(`no page shows the text ${each}`);
for (const each of missed) console.log(`this check did not see that ${each} is a text`);
console.log(`${Object.keys(texts).length} texts; ${outside.length} outside of the catalogue, ${unused.length} unused`);
process.exitCode = outside.length + unused.length + missed.length ? 1 : 0;
