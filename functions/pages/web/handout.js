// @ts-check
// The handout of an event: code, QR code, code examples, tool configuration, rules and contact; a page or a slide.
//
// It uses the organiser token that the dashboard stored in this tab. `lanyard handout` writes the same page as one
// file that has the event in it.

/** @import { Offered, OrganiserEvent, SavedHandout } from "../types.d.ts" */

import { attendeePageUrl, BASE } from "./api.js";
import { byId, fill, fragment, h, svg } from "./dom.js";
import { errorNote } from "./errors.js";
import { LIMITS, limitName, operationName } from "./limits.js";
import { number } from "./locale.js";
import { byOperations, modelFor, offered } from "./models.js";
import { listDeployments, readEvent, token } from "./organiser-api.js";
import { savedSetups, serviceSetups, setupPicker } from "./setups.js";
import { snippetsFor } from "./snippets.js";
import { windowLines } from "./time.js";
import encodeQR from "qr";
import * as t from "./texts.js";

/** The examples that fit the page: without models of Claude, beside them, and with them alone. */
const LANGUAGES = ["bash", "python", "javascript"];
const WITH_CLAUDE = ["bash", "python", "claude-code"];
const CLAUDE_ALONE = ["claude-bash", "claude-python", "claude-code"];

/** @type {SavedHandout | null} */
const saved = JSON.parse(document.getElementById("saved")?.textContent || "null");
const base = saved?.base ?? BASE;

byId("print").addEventListener("click", () => print());
byId("form").addEventListener("click", () => showAs(!isSlide()));
byId("exit").addEventListener("click", () => showAs(false));
addEventListener("keydown", ({ key }) => { if (key === "Escape" && isSlide()) showAs(false); });
document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement && isSlide()) showAs(false); });
show();

async function show() {
  if (saved) return showEvent(saved.event, saved.deployments);
  const id = fragment().get("event");
  const dashboard = h("a", { href: `${base}/pages/dashboard` }, t.dashboard);
  if (!id || !token()) {
    fill(byId("main"), h("h1", {}, t.handout), h("p.note", {}, t.thisTabHasNo, dashboard, "."));
    return;
  }
  try {
    const [event, deployments] = await Promise.all([readEvent(id), listDeployments()]);
    showEvent(event, deployments);
  } catch (error) {
    fill(byId("main"), h("h1", {}, t.handout), errorNote(error), h("p", {}, t.backToThe, dashboard, "."));
  }
}

/**
 * @param {OrganiserEvent} event
 * @param {Offered[]} deployments
 */
function showEvent(event, deployments) {
  document.title = t.handoutOf(event.name);
  fill(byId("main"), sheet(event, offered(event, deployments)));
  if (saved?.slide) document.body.classList.add("as-slide");
}

function isSlide() {
  return document.body.classList.contains("as-slide");
}

/** @param {boolean} slide */
function showAs(slide) {
  document.body.classList.toggle("as-slide", slide);
  byId("form").setAttribute("aria-pressed", String(slide));
  // A browser may refuse the full screen. The slide fills the window then.
  if (slide) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
  byId(slide ? "exit" : "form").focus();
}

/**
 * @param {OrganiserEvent} event
 * @param {Offered[]} models
 */
function sheet(event, models) {
  const page = saved?.link ?? attendeePageUrl(event);
  const defaults = event.default_deployments;
  const messagesModel = modelFor("messages", defaults, models);
  const model = modelFor("chat_completions", defaults, models) ?? messagesModel ?? Object.values(defaults)[0] ?? models[0]?.name ?? t.modelPlaceholder;
  const credential = event.access === "registered" ? t.keyPlaceholder : `${event.code}/${t.namePlaceholder}`;
  const access = { base, credential, model, messagesModel };
  const languages = messagesModel === null ? LANGUAGES : model === messagesModel ? CLAUDE_ALONE : WITH_CLAUDE;
  const snippets = snippetsFor(access).filter(({ id }) => languages.includes(id));
  const { name, email } = event.contact;
  const hint = spellingHint(event.code);
  const letters = [...event.code];
  const code = h("p.code", { id: "large-code" }, letters.map((letter) => h(`span${/\d/.test(letter) ? ".digit" : ""}`, {}, letter)));
  // The slide makes the code as large as its width allows.
  code.style.setProperty("--letters", String(letters.length));
  return h("article.sheet", {},
    h("div.words", {},
      h("h1", {}, event.name),
      h("p.muted", {}, windowLines(event).map((line) => h("span", {}, line, h("br")))),
      h("p.muted.small", {}, t.code),
      code,
      h("p.small.muted", {}, t.underlinedCharactersAreDigits(hint))),
    h("div.qr", {}, qr(page), h("p", {}, t.scanToJoin)),
    h("p.address", {}, t.orOpen, h("strong", {}, page.split("#")[0]), t.andEnterTheCode, h("code", {}, `${base}/v1`),
      t.apiKey, h("code", {}, access.credential)),
    h("section.snippets", {}, snippets.flatMap(({ label, text }) =>
      [h("h2", {}, label), h("pre", { tabindex: "0" }, h("code", {}, text))])),
    models.length ? h("p.small.models-part", {}, h("strong", {}, t.modelsAre), modelNames(models)) : null,
    h("section.tool-part", {}, setupPicker(access, (text) => h("pre", { tabindex: "0" }, h("code", {}, text)), saved ? savedSetups(saved.setups) : serviceSetups(access)),
      h("p.small", {}, t.configurationFilesOfCoding, h("code", {}, `${base}/setup`), t.listsThem)),
    h("section.rules-part", {}, h("h2", {}, t.rules), h("ul.rules", {}, rules(event).map((rule) => h("li", {}, rule)))),
    name || email ? h("p", {}, t.questions, h("strong", {}, [name, email].filter(Boolean).join(", "))) : null);
}

/**
 * The models with what they serve.
 *
 * @param {Offered[]} models
 */
function modelNames(models) {
  return byOperations(models).flatMap(({ operations, names }, index) => [
    index ? "; " : "", `${operations.map(operationName).join(", ")}: `,
    names.flatMap((name, at) => [at ? ", " : "", h("code", {}, name)]),
  ]);
}

/** @param {OrganiserEvent} event */
function rules(event) {
  const limits = LIMITS.flatMap((limit) => {
    const value = event.allowances.attendee[limit] ?? null;
    return value !== null && /^(tokens|requests)_/.test(limit) ? [`${number(value)} ${limitName(limit)}`] : [];
  });
  return [
    t.theCodeWorksOnly,
    event.access === "registered" ? t.registerOnTheAttendee : null,
    event.access === "roster" ? t.useYourNameAs : null,
    limits.length ? t.eachAttendeeHas(limits.join(", ")) : null,
    event.max_completion_tokens === null ? null : t.aResponseHasAt(event.max_completion_tokens),
    t.doNotShareThe,
  ].filter((rule) => rule !== null);
}

/**
 * A hint for characters that are easy to misread. Generated codes have no i, l, o or u after their last dash.
 *
 * @param {string} code
 */
function spellingHint(code) {
  const found = Object.entries(t.LETTER_HINTS).filter(([letter]) => code.includes(letter));
  return found.length ? `${found.map(([, word]) => word).join("; ")}.` : "";
}

/**
 * The QR code of a text, with the quiet zone that readers need.
 *
 * @param {string} text
 */
function qr(text) {
  const cells = /** @type {boolean[][]} */ (encodeQR(text, "raw", { ecc: "medium", border: 4 }));
  const path = cells.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  const size = cells.length;
  return svg("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": t.qrCodeOfThe, "shape-rendering": "crispEdges" },
    svg("rect", { width: size, height: size, fill: "#fff" }), svg("path", { d: path, fill: "#000" }));
}
