// @ts-check
// The language of the pages: how numbers and times are written.

/** The language of the texts, as in the `lang` attribute of HTML. */
export const LANGUAGE = "en";

/** How dates and times are written: with the day before the month, and 24 hours. */
export const TIMES = "en-GB";

/**
 * A number with separators: 12,345.
 *
 * @param {number} value
 */
export function number(value) {
  return new Intl.NumberFormat(LANGUAGE).format(value);
}

/**
 * An instant as date and time in a time zone: that of an event for what happens there, else the browser's.
 *
 * @param {string | number} at
 * @param {string} [timeZone]
 * @param {Intl.DateTimeFormatOptions} [parts]
 */
export function dateTime(at, timeZone, parts = { dateStyle: "medium", timeStyle: "medium" }) {
  return new Date(at).toLocaleString(TIMES, { ...parts, timeZone });
}

/**
 * Names as a list: a, b, c.
 *
 * @param {string[]} names
 */
export function list(names) {
  return names.join(", ");
}
