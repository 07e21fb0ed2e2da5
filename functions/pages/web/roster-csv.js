// @ts-check
// Reads a roster from CSV: of GitHub Classroom, of Excel with semicolons, with or without a byte order mark and a header.

import * as t from "./texts.js";

/** Headers of columns with user names, best first. */
const HEADERS = ["github_username", "github username", "github", "username", "user_name", "user name", "user", "login", "handle", "email", "e-mail", "identifier", "name"];
const DELIMITERS = [",", ";", "\t"];

/**
 * The rows of a text. Quotes and line breaks within quotes are read as in RFC 4180.
 *
 * @param {string} text
 */
export function rowsOf(text) {
  const plain = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  // Excel says so in the first line.
  const [, named] = /^sep=(.)\n/i.exec(plain) ?? [];
  const body = named ? plain.slice(6) : plain;
  const delimiter = named ?? delimiterOf(body);
  /** @type {{ line: number, cells: string[] }[]} */
  const rows = [];
  let cells = [""];
  let isQuoted = false;
  let line = named ? 2 : 1;
  let begun = line;
  const end = () => {
    if (cells.some((cell) => cell.trim())) rows.push({ line: begun, cells: cells.map((cell) => cell.trim()) });
    cells = [""];
    begun = line;
  };
  for (let at = 0; at < body.length; at += 1) {
    const letter = body.charAt(at);
    if (letter === "\n") line += 1;
    const last = cells.length - 1;
    if (isQuoted) {
      if (letter !== "\"") cells[last] += letter;
      else if (body.charAt(at + 1) === "\"") { cells[last] += letter; at += 1; } else isQuoted = false;
    } else if (letter === "\"" && !cells[last]?.trim()) {
      cells[last] = "";
      isQuoted = true;
    } else if (letter === delimiter) cells.push("");
    else if (letter === "\n") end();
    else cells[last] += letter;
  }
  end();
  return rows;
}

/**
 * The delimiter that the first line has most of, outside of quotes.
 *
 * @param {string} text
 */
function delimiterOf(text) {
  const first = (text.split("\n").find((line) => line.trim()) ?? "").replace(/"[^"]*"/g, "");
  const counts = DELIMITERS.map((delimiter) => first.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ",";
}

/**
 * The column that most likely has the user names, and whether the first row is a header.
 *
 * @param {{ cells: string[] }[]} rows
 */
export function guess(rows) {
  const header = (rows[0]?.cells ?? []).map((cell) => cell.toLowerCase());
  const named = HEADERS.map((name) => header.indexOf(name)).find((index) => index >= 0);
  return { column: named ?? 0, hasHeader: named !== undefined };
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
    if (!written) problems.push(t.lineNoName(line));
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
