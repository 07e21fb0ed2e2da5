// @ts-check
// Starts the local service and a browser. Both end with this process.

/** @import { Browser, Page } from "puppeteer-core" */
/** @import { Attendee, EventFields, OrganiserEvent, UsageReport } from "../../functions/pages/types.d.ts" */

/** A running service, with an organiser token and the URL of the attendee page. */
/** @typedef {{ address: string, token: string, page: string, end: () => Promise<void> }} Service */
/** A tab, and the errors in it. */
/** @typedef {Page & { problems: string[] }} Tab */
/** Runs a step and prints its name and result. */
/** @typedef {(name: string, run: () => unknown) => Promise<void>} Step */
/** @typedef {{ browser: Browser, service: Service, step: Step }} Context */

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import puppeteer from "puppeteer-core";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const SCREENSHOTS = `${ROOT}/target/screenshots`;
export const DOWNLOADS = `${ROOT}/target/browser-downloads`;
const SECONDS_TO_START = 60;

/** The environment without the developer's own settings, which could point to the real Azure. */
export const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(OPENAI_|AZURE_|AWS_|LANGCHAIN_|LANGSMITH_|LANYARD_)/.test(name)));
Object.assign(ENVIRONMENT, { NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" });

/**
 * Starts the service with an empty store in memory.
 *
 * @returns {Promise<Service>}
 */
export async function startService() {
  const binary = process.env.LANYARD_LOCAL ?? `${ROOT}/target/debug/lanyard-local`;
  const child = spawn(binary, ["--memory", "--port", "0", "--simulator-latency", "60"], { stdio: ["ignore", "pipe", "pipe"], env: ENVIRONMENT });
  const kill = () => child.kill("SIGKILL");
  process.on("exit", kill);
  let said = "";
  /** @type {Promise<Omit<Service, "end">>} */
  const ready = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the service did not start: ${said}`)), SECONDS_TO_START * 1000);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`the service ended with ${code}: ${said}`)));
    child.stderr.on("data", (data) => { said += data; });
    child.stdout.on("data", (data) => {
      said += data;
      const address = /ready at (http:\/\/[\d.]+:\d+)\//.exec(said)?.[1];
      const token = /organiser's token is (\S+)/.exec(said)?.[1];
      const page = /attendees' page:\s+(\S+)/.exec(said)?.[1];
      if (!address || !token || !page) return;
      clearTimeout(late);
      resolve({ address, token, page });
    });
  });
  const end = () => new Promise((/** @type {(value: void) => void} */ resolve) => {
    child.removeAllListeners("exit");
    if (child.exitCode !== null) return resolve();
    child.on("exit", () => resolve());
    child.kill("SIGTERM");
    setTimeout(kill, 10_000).unref();
  });
  return { ...await ready, end };
}

/** Starts a headless browser. */
export async function startBrowser() {
  mkdirSync(SCREENSHOTS, { recursive: true });
  mkdirSync(DOWNLOADS, { recursive: true });
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  // The sandbox does not work in most containers, and all pages are ours.
  return puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/**
 * A tab with its own session. `page.problems` collects errors, policy violations and requests to other origins.
 *
 * @param {Browser} browser
 * @param {string} address
 * @returns {Promise<Tab>}
 */
export async function openTab(browser, address) {
  const context = await browser.createBrowserContext({ downloadBehavior: { policy: "allow", downloadPath: DOWNLOADS } });
  await context.overridePermissions(address, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
  const page = Object.assign(await context.newPage(), { problems: /** @type {string[]} */ ([]) });
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => page.problems.push(`thrown: ${error instanceof Error ? error.message : error}`));
  page.on("console", (line) => {
    // A rejected request is not a problem of the page.
    if (line.type() === "error" && !/status of (400|401|402|403|404|429)/.test(line.text())) page.problems.push(`console: ${line.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${address}/`) && !/^(data|blob|about):/.test(url)) page.problems.push(`a request to ${url}`);
  });
  page.on("dialog", (dialog) => dialog.accept());
  await page.setViewport(DESKTOP);
  return page;
}

const DESKTOP = { width: 1280, height: 900, deviceScaleFactor: 1 };
// Without `isMobile`, which would reload the page and lose its state.
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2 };

/**
 * Takes screenshots for phone and desktop, light and dark, and checks each with axe-core.
 *
 * @param {Page} page
 * @param {string} name
 */
export async function checkAppearance(page, name) {
  const issues = [];
  // Screenshots first: axe-core scrolls some elements, which are then blank in a full-page screenshot.
  for await (const [form, scheme] of forms(page)) {
    await page.screenshot({ path: `${SCREENSHOTS}/${name}-${form}-${scheme}.png`, fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) issues.push(`${name} ${form}: ${wide} pixels wider than the screen`);
  }
  for await (const [form, scheme] of forms(page)) {
    issues.push(...(await found(page)).map((issue) => `${name} ${form} ${scheme}: ${issue}`));
  }
  await page.setViewport(DESKTOP);
  await page.emulateMediaFeatures([]);
  if (issues.length) throw new Error(issues.join("\n  "));
}

/**
 * Sets each size and theme, and waits until the page is painted.
 *
 * @param {Page} page
 */
async function* forms(page) {
  for (const [form, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
    await page.setViewport(viewport);
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      yield [form, scheme];
    }
  }
}

/** @param {Page} page */
async function found(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    /** @type {typeof globalThis & { axe: typeof axe }} */ (globalThis).axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical" || impact === "moderate")
    .map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

/**
 * Types at the speed of an average person.
 *
 * @param {Page} page
 * @param {string} selector
 * @param {string} text
 */
export async function type(page, selector, text) {
  await page.click(selector, { count: 3 });
  await page.type(selector, text, { delay: 50 });
}

/**
 * The text of an element.
 *
 * @param {Page} page
 * @param {string} selector
 */
export function textOf(page, selector) {
  return page.$eval(selector, (element) => element.textContent.trim());
}

/**
 * The text on the clipboard.
 *
 * @param {Page} page
 */
export async function clipboard(page) {
  await page.bringToFront();
  return page.evaluate(() => navigator.clipboard.readText());
}

/**
 * The organiser API, called directly.
 *
 * @param {Service} service
 */
export function organiser({ address, token }) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  const call = async (method, path, body) => {
    const response = await fetch(`${address}/api/admin${path}`, {
      method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return response.json();
  };
  return {
    /** @type {(path: string) => Promise<any>} */
    get: (path) => call("GET", path),
    /** @type {(method: string, path: string, body?: object) => Promise<any>} */
    call,
    /** @type {(fields: EventFields) => Promise<OrganiserEvent>} */
    createEvent: (fields) => call("POST", "/events", fields),
    /** @type {(id: string) => Promise<OrganiserEvent>} */
    readEvent: (id) => call("GET", `/events/${id}`),
    /** @type {() => Promise<OrganiserEvent[]>} */
    events: async () => (await call("GET", "/events")).events,
    /** @type {(id: string) => Promise<UsageReport>} */
    usage: (id) => call("GET", `/events/${id}/usage?by=hour`),
    /** @type {(id: string) => Promise<Attendee[]>} */
    attendees: async (id) => {
      const all = [];
      for (let cursor = ""; ;) {
        const { attendees, next } = await call("GET", `/events/${id}/attendees?limit=100${cursor && `&cursor=${cursor}`}`);
        all.push(...attendees);
        if (!next) return all;
        cursor = encodeURIComponent(next);
      }
    },
    /** @type {(id: string) => Promise<{ user: string }[]>} */
    roster: async (id) => (await call("GET", `/events/${id}/roster`)).users,
  };
}

/**
 * A chat, sent directly. The responses of the usual model have a known size.
 *
 * @param {Service} service
 * @param {string} credential
 * @param {string} text
 */
export async function chat({ address }, credential, text, model = "gpt-4o") {
  const response = await fetch(`${address}/api/v1/chat/completions`, {
    method: "POST", headers: { "openai-event-code": credential, "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: text }] }),
  });
  return { status: response.status, body: await response.json() };
}

/**
 * Drops an image on an element, or pastes it there, and waits until the page shows it.
 *
 * @param {Tab} page
 * @param {string} selector
 * @param {"drop" | "paste"} gesture
 */
export async function addImage(page, selector, gesture) {
  await page.evaluate(async (selector, gesture) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 60, height: 40 });
    canvas.getContext("2d")?.fillRect(0, 0, 60, 40);
    /** @type {Blob | null} */
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    const data = new DataTransfer();
    data.items.add(new File(blob ? [blob] : [], "dot.png", { type: "image/png" }));
    const common = { bubbles: true, cancelable: true };
    const event = gesture === "drop" ? new DragEvent("drop", { dataTransfer: data, ...common }) : new ClipboardEvent("paste", { clipboardData: data, ...common });
    document.querySelector(selector)?.dispatchEvent(event);
  }, selector, gesture);
  await page.waitForSelector(".images img");
}

/**
 * Reloads a page until an element is there. The service itself notices a change of an event within ten seconds.
 *
 * @param {Tab} page
 * @param {string} selector
 */
export async function reloadUntil(page, selector) {
  for (const end = performance.now() + 60_000; performance.now() < end;) {
    await page.reload();
    if (await page.waitForSelector(selector, { timeout: 3_000 }).catch(() => null)) return;
  }
  throw new Error(`there is no ${selector} after a minute`);
}
