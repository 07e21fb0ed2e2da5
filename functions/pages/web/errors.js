// @ts-check
// Error messages with advice. The codes are those of docs/errors.md.

/** @import { ApiError } from "./api.js" */

import { asApiError } from "./api.js";
import { h } from "./dom.js";
import * as t from "./texts.js";

/**
 * The words for a code, for tables and charts.
 *
 * @param {string} code
 */
export function reason(code) {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * What to do about an error.
 *
 * @param {ApiError} error
 */
function advice(error) {
  return t.ADVICE[error.code] ?? "";
}

/**
 * An error as a message. With `retry`, it has a button that is enabled after the retry time of the API.
 *
 * @param {unknown} thrown
 * @param {(() => void) | null} retry
 */
export function errorNote(thrown, retry = null) {
  const error = asApiError(thrown);
  const isOurs = error.status >= 500 || error.status === 429;
  const small = [error.code, error.requestId].filter(Boolean).join(" · ");
  const line = error.param && !error.details.length ? t.fieldNamed(error.param) : null;
  return h(`div.note.${isOurs ? "warn" : "bad"}`, { role: "alert", "data-code": error.code },
    h("p", {}, h("strong", {}, t.WHAT_HAPPENED[error.code] ?? (error.details.length > 1 ? t.fieldsNeedAChange(error.details.length) : error.message))),
    h("p", {}, [advice(error), line].filter(Boolean).join(" ")),
    retry ? h("p", {}, retryButton(error, retry)) : null,
    h("p.small.muted", {}, small));
}

/**
 * @param {ApiError} error
 * @param {() => void} retry
 */
function retryButton(error, retry) {
  const button = h("button.small", { type: "button", onclick: retry }, t.tryAgain);
  let left = Math.ceil((error.retryAfterMs ?? 0) / 1000);
  const tick = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? t.tryAgainInS(left) : t.tryAgain;
    if (left-- > 0) setTimeout(tick, 1000);
  };
  tick();
  return button;
}
