// Elements without markup: what a page shows of others' words is always text.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("a.big", {href: "/"}, "text", child)`. Attributes that are null or false are left out. */
export function h(what, attributes = {}, ...children) {
  return made((name) => document.createElement(name), what, attributes, children);
}

/** The same for a drawing. */
export function svg(what, attributes = {}, ...children) {
  return made((name) => document.createElementNS(SVG, name), what, attributes, children);
}

function made(create, what, attributes, children) {
  const [name, ...classes] = what.split(".");
  const element = create(name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Puts these in place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Makes these the children of an element, and touches none that is in its place already. */
export function arrange(element, children) {
  const wanted = new Set(children);
  for (const child of [...element.children]) if (!wanted.has(child)) child.remove();
  let next = element.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else element.insertBefore(child, next);
  }
}

/** Puts a text where another stands. Nothing happens if it is the same, so that nobody is told of it again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The parameters behind the `#`, which no server sees. */
export function fragment() {
  return new URLSearchParams(location.hash.slice(1));
}

/** A whole number as people write it: 12,345. */
export function number(value) {
  return new Intl.NumberFormat("en").format(value);
}

/** Hands a file to whoever sits before the page. */
export function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The download has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
