// @ts-check
// Syntax highlighting for short code: comments, strings, numbers and keywords. It does not need to know the grammar.

/** @import { Child } from "../types.d.ts" */

import { h } from "./dom.js";

/** Longer code is shown without colours, so that streaming stays fast. */
const MAX_LENGTH = 20_000;

const KEYWORDS = new Set(("abstract and as assert async await bool boolean break byte case catch char class const continue crate "
  + "def default defer del delete do done double echo elif else end enum esac except export extends false fi final finally "
  + "float fn for foreach from func function global if impl implements import in int interface is lambda let local long loop "
  + "match mod module mut namespace new nil none None not null object of or override package pass private protected pub "
  + "public raise readonly ref return self Self select static string struct super switch sync then this throw trait true "
  + "True False try type typeof union unsafe use using val var void while where with yield "
  + "SELECT FROM WHERE JOIN INSERT UPDATE DELETE CREATE TABLE INTO VALUES ORDER GROUP BY AND OR NOT NULL LIMIT").split(" "));

/** Languages in which `#` begins a comment. */
const HASH = new Set(["python", "py", "bash", "sh", "shell", "zsh", "yaml", "yml", "toml", "ruby", "rb", "powershell", "ps1",
  "dockerfile", "makefile", "ini", "env", "r", "perl", "elixir"]);
/** Languages in which `--` begins a comment. */
const DASHES = new Set(["sql", "lua", "haskell", "hs", "ada"]);
/** Text without syntax. */
const PLAIN = new Set(["text", "txt", "plain", "plaintext", "markdown", "md", "console", "output", "cline"]);

const QUOTED = String.raw`"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?`;
const BACKQUOTED = "`(?:\\\\[\\s\\S]|[^`\\\\])*`?";
const REST = String.raw`(?<number>\b(?:0x[\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)\b)|(?<word>[A-Za-z_$][\w$]*)`;

/**
 * The parts of a code, with classes for colours.
 *
 * @param {string} code
 * @param {string} language
 * @returns {Child[]}
 */
export function highlight(code, language) {
  const name = language.toLowerCase();
  if (code.length > MAX_LENGTH || PLAIN.has(name)) return [code];
  const comments = HASH.has(name) ? "#.*" : DASHES.has(name) ? "--.*" : String.raw`\/\/.*|\/\*[\s\S]*?(?:\*\/|$)|<!--[\s\S]*?(?:-->|$)`;
  // In a shell, `#` inside a word is no comment, and an address holds `//`.
  const pattern = new RegExp(`(?<comment>(?<![\\w:$&])(?:${comments}))|(?<string>${QUOTED}|${BACKQUOTED})|${REST}`, "g");
  /** @type {Child[]} */
  const parts = [];
  let from = 0;
  for (const found of code.matchAll(pattern)) {
    const kind = kindOf(found, code);
    if (!kind) continue;
    if (found.index > from) parts.push(code.slice(from, found.index));
    parts.push(h(`span.${kind}`, {}, found[0]));
    from = found.index + found[0].length;
  }
  parts.push(code.slice(from));
  return parts;
}

/**
 * @param {RegExpExecArray | RegExpMatchArray} found
 * @param {string} code
 */
function kindOf(found, code) {
  const { comment, string, number, word } = found.groups ?? {};
  if (comment !== undefined) return "hl-comment";
  if (string !== undefined) return "hl-string";
  if (number !== undefined) return "hl-number";
  if (word === undefined) return null;
  if (KEYWORDS.has(word)) return "hl-keyword";
  return code[(found.index ?? 0) + word.length] === "(" ? "hl-call" : null;
}
