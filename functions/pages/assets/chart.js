// @ts-check
// Lines, blocks and stacks in SVG: drawn by hand, because the pages' policy allows no style in markup, and three forms are
// enough.

/** @import { ChartLimit, Child, Series } from "../types.d.ts" */

import { fill, h, number, svg } from "./dom.js";

const WIDTH = 480;
const HEIGHT = 200;
const EDGE = { left: 52, right: 10, top: 10, bottom: 24 };

/**
 * A figure that is drawn anew by its `draw`.
 *
 * @param {string} title
 */
export function figure(title) {
  const place = h("div");
  return { element: h("figure", {}, h("figcaption", {}, title), place), draw: (/** @type {Child[]} */ ...parts) => fill(place, ...parts) };
}

/**
 * Lines over time. Each line is `{name, points: [[ms, value], …]}`; `limit` is `{name, value}`; `unit` follows what is
 * told. What is drawn is also told, for those who cannot see it.
 *
 * @param {{ title: string, series: Series[], limit?: ChartLimit | null, time: (ms: number) => string, unit?: string }} what
 * @returns {Child[]}
 */
export function lines({ title, series, limit, time, unit = "" }) {
  const all = series.flatMap((one) => one.points);
  if (!all.length) return [h("p.empty", {}, "No data yet.")];
  const times = all.map(([at]) => at);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const most = Math.max(1, ...all.map(([, value]) => value));
  // A limit far above would press the line flat: it is told in words then.
  const drawn = limit && limit.value <= most * 8 ? limit : null;
  const top = nice(Math.max(2, most, drawn?.value ?? 0));
  const x = (/** @type {number} */ at) => EDGE.left + (to === from ? 1 : (at - from) / (to - from)) * (WIDTH - EDGE.left - EDGE.right);
  const y = (/** @type {number} */ value) => HEIGHT - EDGE.bottom - (value / top) * (HEIGHT - EDGE.top - EDGE.bottom);
  const last = series.map((one) => `${one.name} ${number(one.points.at(-1)?.[1] ?? 0)}${unit}`).join(", ");
  const drawing = frame(`${title}: ${last}${limit ? ` of ${number(limit.value)}` : ""}`, top, y);
  series.forEach((one, index) => {
    const path = one.points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    const [first, last] = [one.points.at(0), one.points.at(-1)];
    if (!first || !last) return;
    const isAlone = first === last;
    const start = isAlone ? `${EDGE.left},${y(first[1]).toFixed(1)} ` : "";
    if (index === 0) {
      const left = isAlone ? EDGE.left : x(first[0]);
      drawing.append(svg("polygon.area", { points: `${left},${y(0)} ${start}${path.join(" ")} ${x(last[0])},${y(0)}` }));
    }
    drawing.append(svg(`polyline.line${index ? ".second" : ""}`, { points: start + path.join(" ") }));
  });
  if (drawn) drawing.append(svg("line.limit", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(drawn.value), y2: y(drawn.value) }));
  drawing.append(
    svg("text", { x: EDGE.left, y: HEIGHT - 6 }, time(from)),
    svg("text", { x: WIDTH - EDGE.right, y: HEIGHT - 6, "text-anchor": "end" }, to === from ? "" : time(to)));
  return [drawing, key(series, limit ?? null, drawn !== null, unit)];
}

/**
 * @param {Series[]} series
 * @param {ChartLimit | null} limit
 * @param {boolean} isDrawn
 * @param {string} unit
 */
function key(series, limit, isDrawn, unit) {
  return h("p.key", {},
    series.map((one, index) => h(`span${index ? ".second" : ""}`, {}, `${one.name}: ${number(one.points.at(-1)?.[1] ?? 0)}${unit}`)),
    limit ? h("span.limited", {}, `${limit.name} ${number(limit.value)}${isDrawn ? "" : " (above this chart)"}`) : null);
}

/**
 * Blocks, one for each `[name, value]`.
 *
 * @param {{ title: string, rows: [string, number][] }} what
 * @returns {Child[]}
 */
export function blocks({ title, rows }) {
  if (!rows.length) return [h("p.empty", {}, "No data yet.")];
  const height = Math.max(60, rows.length * 34 + 8);
  const most = Math.max(1, ...rows.map(([, value]) => value));
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `${title}: ${rows.map(([name, value]) => `${name} ${number(value)}`).join(", ")}` });
  rows.forEach(([name, value], index) => {
    const top = index * 34 + 4;
    drawing.append(
      svg("text", { x: 0, y: top + 10 }, name),
      svg("text", { x: WIDTH, y: top + 10, "text-anchor": "end" }, number(value)),
      svg("rect.block", { x: 0, y: top + 15, width: Math.max(1, (value / most) * WIDTH), height: 9, rx: 2 }));
  });
  return [drawing];
}

/**
 * Bars of several kinds, one for each `[name, {kind: value}]`. `kinds` are those told apart, each by its colour wherever it
 * stands in the list, at most five; whatever else there is goes together.
 *
 * @param {{ title: string, rows: [string, Record<string, number>][], kinds: string[] }} what
 * @returns {Child[]}
 */
export function stacks({ title, rows, kinds }) {
  if (!rows.length) return [h("p.empty", {}, "None yet.")];
  const parts = [...kinds, OTHERS];
  const of = (/** @type {Record<string, number>} */ values, /** @type {string} */ kind) => (kind === OTHERS
    ? Object.entries(values).reduce((sum, [name, value]) => sum + (kinds.includes(name) ? 0 : value), 0)
    : values[kind] ?? 0);
  const sum = (/** @type {Record<string, number>} */ values) => Object.values(values).reduce((all, value) => all + value, 0);
  const most = Math.max(1, ...rows.map(([, values]) => sum(values)));
  const told = (/** @type {Record<string, number>} */ values) => parts.filter((kind) => of(values, kind)).map((kind) => `${spoken(kind)} ${number(of(values, kind))}`).join(", ");
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${rows.length * 34}`, role: "img",
    "aria-label": `${title}: ${rows.map(([name, values]) => `${name} ${told(values) || "none"}`).join("; ")}`,
  });
  rows.forEach(([name, values], index) => {
    const top = index * 34 + 4;
    drawing.append(
      svg("text", { x: 0, y: top + 10 }, name),
      svg("text", { x: WIDTH, y: top + 10, "text-anchor": "end" }, number(sum(values))));
    let from = 0;
    parts.forEach((kind, place) => {
      const width = (of(values, kind) / most) * WIDTH;
      // A gap tells neighbours apart where colours do not.
      if (width) drawing.append(svg(`rect.kind-${place}`, { x: from, y: top + 15, width: Math.max(1, width - 2), height: 9 }));
      from += width;
    });
  });
  const all = (/** @type {string} */ kind) => rows.reduce((total, [, values]) => total + of(values, kind), 0);
  const key = parts.map((kind, place) => (all(kind) ? h(`span.kind-${place}`, {}, `${spoken(kind)}: ${number(all(kind))}`) : null));
  return [drawing, h("p.key", {}, key)];
}

const OTHERS = "others";

/** @param {string} kind */
function spoken(kind) {
  return kind.replaceAll("_", " ");
}

/**
 * @param {string} label
 * @param {number} top
 * @param {(value: number) => number} y
 */
function frame(label, top, y) {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (const share of [0, 0.5, 1]) {
    drawing.append(
      svg("line.grid-line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(top * share), y2: y(top * share) }),
      svg("text", { x: EDGE.left - 6, y: y(top * share) + 4, "text-anchor": "end" }, short(top * share)));
  }
  return drawing;
}

/**
 * The next number above that is round.
 *
 * @param {number} value
 */
function nice(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((step) => step * size).find((step) => step >= value) ?? value;
}

/** @param {number} value */
function short(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}
