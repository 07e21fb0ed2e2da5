// @ts-check
// Line and bar charts in SVG. They need no library, and the content security policy forbids inline styles.

/** @import { ChartLimit, Child, Series } from "../types.d.ts" */

import { fill, h, svg } from "./dom.js";
import { LANGUAGE, number } from "./locale.js";
import * as t from "./texts.js";

const WIDTH = 480;
/** The room of a value beside the name of its bar, in the large letters of a phone. */
const VALUE_WIDTH = 120;
const HEIGHT = 200;
const EDGE = { left: 52, right: 10, top: 10, bottom: 24 };

/**
 * A figure whose `draw` replaces the chart.
 *
 * @param {string} title
 */
export function figure(title) {
  const place = h("div");
  let isHeld = false;
  // While somebody reads values, the chart stays as it is.
  const hold = (/** @type {boolean} */ value) => () => { isHeld = value; };
  for (const [name, value] of /** @type {const} */ ([["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]])) {
    place.addEventListener(name, hold(value));
  }
  return {
    element: h("figure", {}, h("figcaption", {}, title), place),
    draw: (/** @type {Child[]} */ ...parts) => { if (!isHeld) fill(place, ...parts); },
  };
}

/**
 * Lines over time. The label of the chart has the last values, for screen readers. `unit` follows each value.
 *
 * @param {{ title: string, series: Series[], limit?: ChartLimit | null, time: (ms: number) => string, unit?: string }} what
 * @returns {Child[]}
 */
export function lines({ title, series, limit, time, unit = "" }) {
  const all = series.flatMap((one) => one.points);
  if (!all.length) return [h("p.empty", {}, t.noDataYet)];
  const times = all.map(([at]) => at);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const max = Math.max(1, ...all.map(([, value]) => value));
  // A limit far above the values would flatten the lines, so the key names it instead.
  const drawn = limit && limit.value <= max * 8 ? limit : null;
  const top = roundedUp(Math.max(2, max, drawn?.value ?? 0));
  const x = (/** @type {number} */ at) => EDGE.left + (to === from ? 1 : (at - from) / (to - from)) * (WIDTH - EDGE.left - EDGE.right);
  const y = (/** @type {number} */ value) => HEIGHT - EDGE.bottom - (value / top) * (HEIGHT - EDGE.top - EDGE.bottom);
  const last = series.map((one) => `${one.name} ${number(one.points.at(-1)?.[1] ?? 0)}${unit}`).join(", ");
  const chart = frame(`${title}: ${last}${limit ? t.ofLimit(limit.value) : ""}`, top, y);
  series.forEach((one, index) => {
    const path = one.points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    const [first, last] = [one.points.at(0), one.points.at(-1)];
    if (!first || !last) return;
    const isAlone = first === last;
    const start = isAlone ? `${EDGE.left},${y(first[1]).toFixed(1)} ` : "";
    if (index === 0) {
      const left = isAlone ? EDGE.left : x(first[0]);
      chart.append(svg("polygon.area", { points: `${left},${y(0)} ${start}${path.join(" ")} ${x(last[0])},${y(0)}` }));
    }
    chart.append(svg(`polyline.line${index ? ".second" : ""}`, { points: start + path.join(" ") }));
  });
  if (drawn) chart.append(svg("line.limit", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(drawn.value), y2: y(drawn.value) }));
  chart.append(
    svg("text", { x: EDGE.left, y: HEIGHT - 6 }, time(from)),
    svg("text", { x: WIDTH - EDGE.right, y: HEIGHT - 6, "text-anchor": "end" }, time(to) === time(from) ? "" : time(to)));
  return [withReadout(chart, series, x, y, time, unit), key(series, limit ?? null, drawn !== null, unit)];
}

/**
 * Shows the values at the pointer. With the keyboard, the arrow keys move along the first line.
 *
 * @param {SVGSVGElement} chart
 * @param {Series[]} series
 * @param {(at: number) => number} x
 * @param {(value: number) => number} y
 * @param {(ms: number) => string} time
 * @param {string} unit
 */
function withReadout(chart, series, x, y, time, unit) {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const marker = svg("line.marker", { y1: EDGE.top, y2: HEIGHT - EDGE.bottom, visibility: "hidden" });
  const dots = series.map((_, index) => svg(`circle.dot${index ? ".second" : ""}`, { r: 3.5, visibility: "hidden" }));
  const readout = h("output.readout", { hidden: true });
  const frame = h("div.readable", { tabindex: "0", role: "group", "aria-label": t.valuesUseTheArrow, onkeydown: move, onblur: hide });
  let place = times.length - 1;

  /** @param {number} index */
  function show(index) {
    place = Math.max(0, Math.min(times.length - 1, index));
    const at = times[place] ?? 0;
    marker.setAttribute("x1", String(x(at)));
    marker.setAttribute("x2", String(x(at)));
    marker.setAttribute("visibility", "visible");
    const values = series.map((one, number_) => {
      const point = one.points.find(([when]) => when === at);
      dots[number_]?.setAttribute("visibility", point ? "visible" : "hidden");
      if (!point) return null;
      dots[number_]?.setAttribute("cx", String(x(at)));
      dots[number_]?.setAttribute("cy", String(y(point[1])));
      return `${one.name} ${number(point[1])}${unit}`;
    });
    readout.textContent = `${time(at)}: ${values.filter(Boolean).join(", ")}`;
    readout.hidden = false;
  }

  function hide() {
    for (const each of [marker, ...dots]) each.setAttribute("visibility", "hidden");
    readout.hidden = true;
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    /** @type {Record<string, number>} */
    const targets = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: times.length - 1 };
    const target = targets[event.key];
    if (event.key === "Escape") hide();
    if (target === undefined) return;
    event.preventDefault();
    show(target);
  }

  chart.append(marker, ...dots);
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    const distances = times.map((when) => Math.abs(x(when) - at));
    show(distances.indexOf(Math.min(...distances)));
  });
  chart.addEventListener("pointerleave", hide);
  frame.append(chart, readout);
  return frame;
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
    limit ? h("span.limited", {}, `${limit.name} ${number(limit.value)}${isDrawn ? "" : t.aboveThisChart}`) : null);
}

/**
 * A bar for each `[name, value]`. `words` writes a value.
 *
 * @param {{ title: string, rows: [string, number][], words?: (value: number) => string }} what
 * @returns {Child[]}
 */
export function bars({ title, rows, words = number }) {
  if (!rows.length) return [h("p.empty", {}, t.noDataYet)];
  const height = Math.max(60, rows.length * 34 + 8);
  const max = Math.max(...rows.map(([, value]) => value)) || 1;
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `${title}: ${rows.map(([name, value]) => `${name} ${words(value)}`).join(", ")}` });
  rows.forEach(([name, value], index) => {
    const top = index * 34 + 7;
    chart.append(
      // A long name ends where the value begins.
      svg("svg", { x: 0, y: top - 8, width: WIDTH - VALUE_WIDTH, height: 23 }, svg("text", { x: 0, y: 16 }, name, svg("title", {}, name))),
      svg("text", { x: WIDTH, y: top + 8, "text-anchor": "end" }, words(value)),
      svg("rect.block", { x: 0, y: top + 15, width: Math.max(1, (value / max) * WIDTH), height: 9, rx: 2 }, svg("title", {}, `${name}: ${words(value)}`)));
  });
  return [chart];
}

/**
 * A stacked bar for each `[name, {kind: value}]`. Each of `kinds`, at most five, has the colour of its position; all other
 * kinds share one.
 *
 * @param {{ title: string, rows: [string, Record<string, number>][], kinds: string[] }} what
 * @returns {Child[]}
 */
export function stackedBars({ title, rows, kinds }) {
  if (!rows.length) return [h("p.empty", {}, t.noneYet)];
  const parts = [...kinds, OTHER_KINDS];
  const of = (/** @type {Record<string, number>} */ values, /** @type {string} */ kind) => (kind === OTHER_KINDS
    ? Object.entries(values).reduce((sum, [name, value]) => sum + (kinds.includes(name) ? 0 : value), 0)
    : values[kind] ?? 0);
  const sum = (/** @type {Record<string, number>} */ values) => Object.values(values).reduce((all, value) => all + value, 0);
  const max = Math.max(1, ...rows.map(([, values]) => sum(values)));
  const description = (/** @type {Record<string, number>} */ values) => parts.filter((kind) => of(values, kind)).map((kind) => `${readable(kind)} ${number(of(values, kind))}`).join(", ");
  const chart = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${rows.length * 34}`, role: "img",
    "aria-label": `${title}: ${rows.map(([name, values]) => `${name} ${description(values) || t.none}`).join("; ")}`,
  });
  rows.forEach(([name, values], index) => {
    const top = index * 34 + 7;
    chart.append(
      svg("text", { x: 0, y: top + 8 }, name),
      svg("text", { x: WIDTH, y: top + 8, "text-anchor": "end" }, number(sum(values))));
    let from = 0;
    parts.forEach((kind, place) => {
      const width = (of(values, kind) / max) * WIDTH;
      // A gap separates neighbours for people who do not see the colours.
      if (width) chart.append(svg(`rect.kind-${place}`, { x: from, y: top + 15, width: Math.max(1, width - 2), height: 9 }, svg("title", {}, `${readable(kind)}: ${number(of(values, kind))}`)));
      from += width;
    });
  });
  const all = (/** @type {string} */ kind) => rows.reduce((total, [, values]) => total + of(values, kind), 0);
  const key = parts.map((kind, place) => (all(kind) ? h(`span.kind-${place}`, {}, `${readable(kind)}: ${number(all(kind))}`) : null));
  return [chart, h("p.key", {}, key)];
}

const OTHER_KINDS = "others";

/** @param {string} kind */
function readable(kind) {
  return kind.replaceAll("_", " ");
}

/**
 * @param {string} label
 * @param {number} top
 * @param {(value: number) => number} y
 */
function frame(label, top, y) {
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (const share of [0, 0.5, 1]) {
    chart.append(
      svg("line.grid-line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(top * share), y2: y(top * share) }),
      svg("text", { x: EDGE.left - 6, y: y(top * share) + 4, "text-anchor": "end" }, compact(top * share)));
  }
  return chart;
}

/**
 * The next round number.
 *
 * @param {number} value
 */
function roundedUp(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((step) => step * size).find((step) => step >= value) ?? value;
}

/** @param {number} value */
function compact(value) {
  return new Intl.NumberFormat(LANGUAGE, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}
