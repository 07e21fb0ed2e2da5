// @ts-check
// Reads a roster from CSV: of GitHub Classroom, of Excel with semicolons or as Unicode text, with or without a header.
//
// The command line and the API follow the same rules: roster_csv of the crate lanyard-administration. Both are tested
// with its cases.json.

import * as t from "./texts.js";

/** Headers of columns with user names, best first. */
const USERS = ["user", "username", "user_name", "user_id", "userid", "github_username", "github_user", "github_login", "github_handle", "github", "login",
  "handle", "account", "nickname"];
/** Headers of columns that may do in place of them. The organiser sees which one was chosen. */
const OTHERS = ["email", "e_mail", "identifier", "name"];
const DELIMITERS = [",", ";", "\t"];
/** How a workbook begins: one of today (a ZIP archive), and one of Excel 97. */
const WORKBOOKS = [[0x50, 0x4b, 3, 4], [0xd0, 0xcf, 0x11, 0xe0]];

/** A file that has no rows, for the organiser. */
export class NotATable extends Error {}

/**
 * The text of a file: by its byte order mark, else UTF-8 if it is that, else Windows-1252, in which Excel writes CSV
 * in much of the world.
 *
 * @param {Uint8Array} bytes
 */
export function decoded(bytes) {
  if (WORKBOOKS.some((beginning) => beginning.every((byte, index) => bytes[index] === byte))) throw new NotATable(t.isAWorkbook);
  const mark = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : null;
  if (mark) return new TextDecoder(mark).decode(bytes);
  // No text has a zero in UTF-8. In UTF-16 each Latin letter and each line end has one.
  const zero = bytes.indexOf(0);
  if (zero >= 0) return new TextDecoder(zero % 2 ? "utf-16le" : "utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/**
 * The rows of a text. Quotes and line breaks within quotes are read as in RFC 4180.
 *
 * @param {string} text
 */
export function rowsOf(text) {
  const plain = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  // Excel says so in the first line.
  const [, named] = /^"?sep=(.)"?(?=\n|$)/i.exec(plain) ?? [];
  const body = named ? plain.replace(/^.*/, "") : plain;
  const delimiter = named ?? delimiterOf(body);
  /** @type {{ line: number, cells: string[] }[]} */
  const rows = [];
  let cells = [""];
  let quotedSince = 0;
  let line = 1;
  let begun = line;
  const end = () => {
    if (cells.some((cell) => cell.trim())) rows.push({ line: begun, cells: cells.map((cell) => cell.trim()) });
    cells = [""];
    begun = line;
  };
  for (let at = 0; at < body.length; at += 1) {
    const letter = body.charAt(at);
    const last = cells.length - 1;
    if (quotedSince) {
      if (letter !== "\"") cells[last] += letter;
      else if (body.charAt(at + 1) === "\"") { cells[last] += letter; at += 1; } else quotedSince = 0;
    } else if (letter === "\"" && !cells[last]?.trim()) {
      cells[last] = "";
      quotedSince = line;
    } else if (letter === delimiter) cells.push("");
    else if (letter !== "\n") cells[last] += letter;
    if (letter === "\n") line += 1;
    if (letter === "\n" && !quotedSince) end();
  }
  if (quotedSince) throw new NotATable(t.lineUnclosedQuote(quotedSince));
  end();
  return rows;
}

/**
 * The delimiter that the first row has most of, outside of quotes.
 *
 * @param {string} text
 */
function delimiterOf(text) {
  const first = text.replace(/"[^"]*"/g, "\"").split("\n").find((line) => line.trim()) ?? "";
  const counts = DELIMITERS.map((delimiter) => first.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ",";
}

/**
 * The column that most likely has the user names, and whether the first row is a header. Without one, it is the first
 * column that is not empty.
 *
 * @param {{ cells: string[] }[]} rows
 */
export function guess(rows) {
  const header = (rows[0]?.cells ?? []).map((cell) => cell.toLowerCase().replaceAll(/[ -]/g, "_"));
  const named = [...USERS, ...OTHERS].map((name) => header.indexOf(name)).find((index) => index >= 0);
  return { column: named ?? Math.max(0, header.findIndex(Boolean)), hasHeader: named !== undefined };
}

/**
 * The user names of a column, and the rows that have none.
 *
 * @param {{ line: number, cells: string[] }[]} rows
 * @param {{ column: number, hasHeader: boolean }} choice
 * @param {(name: string) => string | null} spelled
 */
export function namesOf(rows, { column, hasHeader }, spelled) {
  /** @type {string[]} */
  const users = [];
  /** @type {string[]} */
  const problems = [];
  const seen = new Set();
  for (const { line, cells } of hasHeader ? rows.slice(1) : rows) {
    const written = cells[column] ?? "";
    const name = written && spelled(written);
    if (!written) problems.push(t.lineNoName(line, cells.find(Boolean) ?? ""));
    else if (!name) problems.push(t.lineCannotBeWritten(line, written));
    else if (name.length > 128) problems.push(t.lineTheNameIs(line));
    else if (seen.has(name.toLowerCase())) problems.push(t.lineIsThereTwice(line, name));
    else {
      seen.add(name.toLowerCase());
      users.push(name);
      if (name !== written) problems.push(t.lineBecomes(line, written, name));
    }
  }
  return { users, problems };
}
