// @ts-check
// CSV that is safe to open in a spreadsheet.

/** A spreadsheet takes text that begins like this for a formula. */
const FORMULA = /^[\s]*[=+\-@\t\r]/;

/**
 * A cell. Attendees choose their user names, so an apostrophe keeps a name from being a formula.
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
 * Rows by RFC 4180, after a header. The byte order mark tells Excel that the file is UTF-8.
 *
 * @param {string[]} columns
 * @param {(string | number | null)[][]} rows
 */
export function csv(columns, rows) {
  return `\ufeff${[columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
