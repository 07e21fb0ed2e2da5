// @ts-check
// Tables as CSV that a spreadsheet opens and does not run.

/** Texts that begin like this are formulas to a spreadsheet. */
const FORMULA = /^[\s]*[=+\-@\t\r]/;

/**
 * A cell. Users name themselves, so a name may be a formula: an apostrophe makes it text.
 *
 * @param {string | number | null | undefined} value
 */
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = String(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",;\r\n\t]|^\s|\s$/.test(safe) ? `"${safe.replaceAll("\"", "\"\"")}"` : safe;
}

/**
 * Rows, the names of columns first, by RFC 4180. The mark at the front tells Excel that it is UTF-8.
 *
 * @param {string[]} columns
 * @param {(string | number | null)[][]} rows
 */
export function csv(columns, rows) {
  return `\ufeff${[columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
