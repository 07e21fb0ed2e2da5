// @ts-check
// Creates elements without parsing HTML, so text from others can never become markup.

/** @import { Attributes, Child, ElementOf, SvgElementOf } from "../types.d.ts" */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: `h("a.big", {href: "/"}, "text", child)`. Attributes that are null or false are left out.
 *
 * @template {string} W
 * @param {W} what
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
export function h(what, attributes = {}, ...children) {
  const [name = "", ...classes] = what.split(".");
  const element = document.createElement(name);
  build(element, classes, attributes, children);
  return /** @type {ElementOf<W>} */ (element);
}

/**
 * The same for SVG.
 *
 * @template {string} W
 * @param {W} what
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
export function svg(what, attributes = {}, ...children) {
  const [name = "", ...classes] = what.split(".");
  const element = document.createElementNS(SVG, name);
  build(element, classes, attributes, children);
  return /** @type {SvgElementOf<W>} */ (element);
}

/**
 * @param {Element} element
 * @param {string[]} classes
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function build(element, classes, attributes, children) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else if (key === "value" && "value" in element) element.value = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
}

/**
 * Children as a flat list, without those that show nothing.
 *
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  return children.flatMap((child) => {
    if (Array.isArray(child)) return nodes(child);
    return child === null || child === undefined || child === false ? [] : [child];
  });
}

/**
 * A text of ours, with what stands between backticks as code.
 *
 * @param {string} text
 */
export function coded(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/**
 * The element with this id. It must exist.
 *
 * @param {string} id
 */
export function byId(id) {
  return find(document, `#${id}`, HTMLElement);
}

/**
 * The first element that matches a selector. It must exist and be of this type.
 *
 * @template {Element} E
 * @param {ParentNode} root
 * @param {string} selector
 * @param {{ new (): E }} kind
 * @returns {E}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new TypeError(`${selector} is not there`);
  return element;
}

/**
 * Replaces the children of an element.
 *
 * @template {Element} E
 * @param {E} element
 * @param {Child[]} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/**
 * Replaces the child elements, without touching those that are in place already.
 *
 * @param {Element} element
 * @param {Element[]} children
 */
export function syncChildren(element, children) {
  const wanted = new Set(children);
  for (const child of [...element.children]) if (!wanted.has(child)) child.remove();
  let next = element.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else element.insertBefore(child, next);
  }
}

/**
 * Sets the text of an element unless it is the same, so that screen readers do not repeat it.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The parameters in the URL's fragment, which browsers do not send. */
export function fragment() {
  return new URLSearchParams(location.hash.slice(1));
}

/**
 * Downloads a text as a file.
 *
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
export function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The download has started by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
