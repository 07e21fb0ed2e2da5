// @ts-check
// Texts as string literals of each language: a credential may hold quotes, blanks and dollar signs.

/**
 * For a POSIX shell.
 *
 * @param {string} text
 */
export function shell(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * For PowerShell. Its single quotes know nothing but themselves.
 *
 * @param {string} text
 */
export function powershell(text) {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * For Python, JavaScript, C#, JSON and YAML, which agree on this much.
 *
 * @param {string} text
 */
export function double(text) {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * A value of JSON as a Python expression.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function python(value, indent = "") {
  const deeper = `${indent}    `;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return double(value);
  if (Array.isArray(value)) return block("[", "]", value.map((item) => python(item, deeper)), indent);
  if (typeof value === "object") {
    return block("{", "}", Object.entries(value).map(([key, item]) => `${double(key)}: ${python(item, deeper)}`), indent);
  }
  return String(value);
}

/**
 * @param {string} open
 * @param {string} close
 * @param {string[]} items
 * @param {string} indent
 */
function block(open, close, items, indent) {
  const line = open + items.join(", ") + close;
  if (line.length < 80 && !line.includes("\n")) return line;
  return `${open}\n${items.map((item) => `${indent}    ${item}`).join(",\n")}\n${indent}${close}`;
}
