// @ts-check
// Elements without markup: what a page shows of others' words is always text.

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
 * The same for a drawing.
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
 * Children in a row, without those that show nothing.
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
 * The element with this id, which must be there.
 *
 * @param {string} id
 */
export function byId(id) {
  return find(document, `#${id}`, HTMLElement);
}

/**
 * The element that a selector finds, which must be there and of this kind.
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
 * Puts these in place of what an element holds.
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
 * Makes these the children of an element, and touches none that is in its place already.
 *
 * @param {Element} element
 * @param {Element[]} children
 */
export function arrange(element, children) {
  const wanted = new Set(children);
  for (const child of [...element.children]) if (!wanted.has(child)) child.remove();
  let next = element.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else element.insertBefore(child, next);
  }
}

/**
 * Puts a text where another stands. Nothing happens if it is the same, so that nobody is told of it again.
 *
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The parameters behind the `#`, which no server sees. */
export function fragment() {
  return new URLSearchParams(location.hash.slice(1));
}

/**
 * A whole number as people write it: 12,345.
 *
 * @param {number} value
 */
export function number(value) {
  return new Intl.NumberFormat("en").format(value);
}

/**
 * Hands a file to whoever sits before the page.
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
  // The download has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
