// @ts-check
// String literals of several languages. A credential may contain quotes, spaces and dollar signs.

/**
 * For a POSIX shell.
 *
 * @param {string} text
 */
export function shellLiteral(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * For PowerShell. Only the single quote is special in single quotes.
 *
 * @param {string} text
 */
export function powershellLiteral(text) {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * For Python, JavaScript, C#, JSON and YAML, which share this syntax.
 *
 * @param {string} text
 */
export function jsonLiteral(text) {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * A JSON value as a Python expression.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function pythonLiteral(value, indent = "") {
  const deeper = `${indent}    `;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return jsonLiteral(value);
  if (Array.isArray(value)) return block("[", "]", value.map((item) => pythonLiteral(item, deeper)), indent);
  if (typeof value === "object") {
    return block("{", "}", Object.entries(value).map(([key, item]) => `${jsonLiteral(key)}: ${pythonLiteral(item, deeper)}`), indent);
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

/**
 * The command of a POSIX shell that sets an environment variable.
 *
 * @param {string} name
 * @param {string} value
 */
export function shellExport(name, value) {
  return `export ${name}=${shellLiteral(value)}\n`;
}

/**
 * The same of PowerShell.
 *
 * @param {string} name
 * @param {string} value
 */
export function powershellExport(name, value) {
  return `$env:${name} = ${powershellLiteral(value)}`;
}
