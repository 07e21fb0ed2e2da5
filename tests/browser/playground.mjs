// @ts-check
// The playground: Markdown, scrolling, focus, waiting, editing, images and what survives a reload. Most responses are
// scripted piece by piece, so that no step depends on the speed of this machine.

/** @import { Page } from "puppeteer-core" */
/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { addImage, checkAppearance, clipboard, openTab, organiser, textOf, type } from "./fixture.mjs";

const MARKDOWN = `Here is **bold**, *emphasis*, \`code\` and [a link](https://example.org/).

- fruit
  - apple
    1. green
    2. red
  - pear
- nuts

| Model | Price |
|---|---:|
| small | 1 |
| large | 20 |

\`\`\`python
# A greeting
def greet(name):
    return f"Hello {name}" * 2
\`\`\`

<img src=x onerror=alert(1)> ![x](https://example.org/x.png) [no](javascript:alert(1))
`;

/** @param {Context} context */
export async function playgroundSteps({ browser, service, step }) {
  const api = organiser(service);
  const wall = (/** @type {number} */ ms) => new Date(ms).toISOString().slice(0, 19);
  const event = await api.createEvent({ name: "Play Hack", time_zone: "UTC", starts_at: wall(Date.now() - 3_600_000), ends_at: wall(Date.now() + 86_400_000) });
  const page = await openTab(browser, service.address);
  await scriptResponses(page);
  await page.goto(`${service.address}/api/pages#code=${event.code}&event=${event.id}`);
  await type(page, "#user", "ada");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#joined:not([hidden])");

  await step("a message and a spinner appear before the response, and Enter sends", async () => {
    await script(page);
    await type(page, "#message", "First line");
    await page.keyboard.down("Shift");
    await page.keyboard.press("Enter");
    await page.keyboard.up("Shift");
    await page.keyboard.type("second line");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".message.assistant .spinner:not([hidden])");
    assert.equal(await textOf(page, ".message.user .text"), "First line\nsecond line");
    assert.equal(await page.$eval("#message", (field) => /** @type {HTMLTextAreaElement} */ (field).value), "");
    assert.equal(await focused(page), "message");
    assert.ok(await isInView(page, "#stop"), "Stop is not in view");
    assert.equal(await page.$("#send:not([hidden])"), null);
  });
  await step("Markdown is shown while it streams, and adds no markup of its own", async () => {
    for (let at = 0; at < MARKDOWN.length; at += 7) await feed(page, MARKDOWN.slice(at, at + 7));
    await page.waitForSelector(".message.assistant table");
    await finish(page);
    await page.waitForSelector(".message.assistant .usage");
    const tags = await page.$eval(".message.assistant .text", (element) => [...new Set([...element.querySelectorAll("*")].map((each) => each.localName))].sort());
    assert.deepEqual(tags, ["a", "button", "code", "div", "em", "li", "ol", "p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"]);
    assert.equal((await page.$$(".message.assistant ul ul ol li")).length, 2);
    assert.deepEqual(await page.$$eval(".message.assistant td.number", (cells) => cells.map((cell) => cell.textContent)), ["1", "20"]);
    assert.equal(await textOf(page, ".message.assistant .hl-comment"), "# A greeting");
    assert.deepEqual(await page.$$eval(".message.assistant .text a", (all) => all.map((link) => /** @type {HTMLAnchorElement} */ (link).href)), ["https://example.org/"]);
    assert.match(await textOf(page, ".message.assistant .text"), /<img src=x onerror=alert\(1\)>/);
    await page.click(".code-head button");
    await page.waitForFunction(() => document.querySelector(".code-head button")?.textContent === "Copied");
    assert.equal(await clipboard(page), "# A greeting\ndef greet(name):\n    return f\"Hello {name}\" * 2");
    assert.equal(await focused(page), "");
  });
  await step("the playground is accessible", () => checkAppearance(page, "playground"));
  await step("the conversation follows a response only while it is at the end", async () => {
    await script(page);
    await send(page, "A long one");
    await feed(page, "line\n\n".repeat(120));
    await page.waitForFunction(() => { const box = document.querySelector("#conversation"); return box && box.scrollHeight > box.clientHeight * 2 && box.scrollHeight - box.scrollTop - box.clientHeight < 5; });
    const pageAt = await page.evaluate(() => scrollY);
    await page.$eval("#conversation", (box) => { box.scrollTop = 50; });
    await page.waitForSelector(".jump:not([hidden])");
    const lines = () => page.$$eval(".message.assistant:last-child .text p", (all) => all.length);
    const before = await lines();
    await feed(page, "more\n\n".repeat(50));
    await page.waitForFunction((was) => document.querySelectorAll(".message.assistant:last-child .text p").length > was, {}, before);
    assert.equal(await page.$eval("#conversation", (box) => box.scrollTop), 50);
    assert.equal(await page.evaluate(() => scrollY), pageAt, "the page moved");
    await page.click(".jump");
    await feed(page, "end\n\n".repeat(10));
    await page.waitForFunction((was) => document.querySelectorAll(".message.assistant:last-child .text p").length >= was + 60, {}, before);
    await page.waitForFunction(() => { const box = document.querySelector("#conversation"); return box && box.scrollHeight - box.scrollTop - box.clientHeight < 5; });
  });
  await step("a stopped response stays, and the next message goes on from it", async () => {
    await page.click("#stop");
    await page.waitForFunction(() => /stopped/.test(document.querySelector(".message.assistant:last-child .usage")?.textContent ?? ""));
    await script(page);
    await send(page, "Go on");
    const body = await lastBody(page);
    assert.deepEqual(body.messages.map(({ role }) => role), ["user", "assistant", "user", "assistant", "user"]);
    await feed(page, "Going on.");
    await finish(page);
    await page.waitForFunction(() => document.querySelectorAll(".message.assistant .usage").length === 3);
  });
  await step("a conversation survives a reload", async () => {
    const shown = () => page.$$eval(".message .text", (all) => all.map((element) => element.textContent));
    const before = await shown();
    assert.equal(before.length, 6);
    await page.reload();
    await page.waitForSelector(".message.assistant .usage");
    assert.deepEqual(await shown(), before);
  });
  await step("a message is edited, a response is retried, and a turn is deleted", async () => {
    await script(page);
    await action(page, ".message.user:nth-child(3)", "Edit");
    await page.type(".message.user textarea", " edited");
    await page.keyboard.press("Enter");
    await feed(page, "An answer.");
    await finish(page);
    await page.waitForFunction(() => document.querySelectorAll(".message").length === 4);
    assert.equal(await textOf(page, ".message.user:nth-child(3) .text"), "A long one edited");
    await page.waitForSelector(".message:nth-child(4) .usage");
    await script(page);
    await action(page, ".message:nth-child(4)", "Retry");
    await page.waitForSelector(".message:nth-child(4) .spinner:not([hidden])");
    assert.equal((await lastBody(page)).messages.length, 3);
    await feed(page, "Another answer.");
    await finish(page);
    await page.waitForFunction(() => document.querySelector(".message:nth-child(4) .usage") && /Another/.test(document.querySelector(".message:nth-child(4) .text")?.textContent ?? ""));
    await action(page, ".message.user:nth-child(1)", "Delete");
    await page.waitForFunction(() => document.querySelectorAll(".message").length === 2);
  });
  await step("a rating is stored", async () => {
    await live(page);
    await send(page, "Say hello");
    await page.waitForFunction(() => document.querySelectorAll(".message.assistant .usage").length === 2);
    await page.click(".message.assistant:last-child [aria-label='Bad response']");
    await page.waitForSelector(".message.assistant:last-child [aria-label='Bad response'][aria-pressed=true]");
    const response = await fetch(`${service.address}/api/admin/events/${event.id}/ratings`, { headers: { authorization: `Bearer ${service.token}` } });
    const text = await response.text();
    assert.match(text, /"rating":\s?-1/, text);
  });
  await step("a summary of the reasoning and generated images are shown", async () => {
    await page.click(".settings summary");
    await page.select("#summary", "auto");
    await script(page);
    await send(page, "Think, then draw");
    const body = await lastBody(page);
    assert.deepEqual(body.reasoning, { summary: "auto" });
    await raw(page, { type: "response.reasoning_summary_text.delta", delta: "First I think." });
    await page.waitForSelector(".message.assistant:last-child .reasoning:not([hidden])");
    await raw(page, { type: "response.output_item.done", item: { type: "image_generation_call", result: DOT } });
    await raw(page, { type: "response.output_text.delta", delta: "Here it is." });
    await raw(page, { type: "response.completed", response: { usage: { input_tokens: 5, output_tokens: 7, total_tokens: 12 } } });
    await finish(page);
    await page.waitForSelector(".message.assistant:last-child .usage");
    assert.equal(await page.$eval(".message.assistant:last-child .reasoning", (element) => /** @type {HTMLDetailsElement} */ (element).open), false);
    assert.equal((await page.$$(".message.assistant:last-child .generated img")).length, 1);
    assert.match(await textOf(page, ".message.assistant:last-child .usage"), /5 input tokens · 7 output tokens/);
    await page.select("#summary", "");
  });
  await step("an image can be dropped", async () => {
    await addImage(page, ".compose", "drop");
    await script(page);
    await send(page, "What is this?");
    const last = (await lastBody(page)).messages.at(-1)?.content;
    assert.equal(Array.isArray(last) && last[1]?.type, "image_url");
    await feed(page, "A dot.");
    await finish(page);
    await page.waitForSelector(".message.user img");
  });
  await step("an error is explained in the conversation, and can be retried", async () => {
    await script(page, { status: 503, error: { code: "upstream_busy", message: "The model is busy." } });
    await send(page, "Busy?");
    await page.waitForSelector(".message.assistant:last-child [data-code=upstream_busy]");
    await script(page);
    await page.click(".message.assistant:last-child .note button");
    await page.waitForSelector(".message.assistant:last-child .spinner:not([hidden])");
    await feed(page, "Not any more.");
    await finish(page);
    await page.waitForSelector(".message.assistant:last-child .usage");
  });
  await step("the page fits 320 pixels, and the playground sends nothing elsewhere", async () => {
    await page.setViewport({ width: 320, height: 700, deviceScaleFactor: 2 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} pixels too wide`);
    assert.deepEqual(page.problems, []);
  });
  await page.browserContext().close();
}

const DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** @typedef {{ messages: { role: string, content: string | { type: string }[] }[], reasoning?: object }} Body */
/** @typedef {{ status: number, error: object }} Refusal */
/** @typedef {typeof globalThis & { script: Refusal | boolean, pieces: ReadableStreamDefaultController<Uint8Array>, body: Body | null }} Scripted */

/**
 * Lets a test write the responses to the page's requests for models.
 *
 * @param {Page} page
 */
async function scriptResponses(page) {
  await page.evaluateOnNewDocument(() => {
    const scripted = /** @type {Scripted} */ (globalThis);
    const real = globalThis.fetch;
    globalThis.fetch = (address, options) => {
      const path = String(address);
      if (!scripted.script || !/\/v1\/(chat\/completions|responses)$/.test(path)) return real(address, options);
      scripted.body = JSON.parse(String(options?.body));
      const headers = { "content-type": "text/event-stream", "x-request-id": "req_scripted" };
      if (typeof scripted.script === "object") {
        const { status, error } = scripted.script;
        return Promise.resolve(new Response(JSON.stringify({ error }), { status, headers: { ...headers, "retry-after-ms": "0" } }));
      }
      return new Promise((resolve, reject) => {
        const stream = new ReadableStream({ start(controller) { scripted.pieces = controller; } });
        options?.signal?.addEventListener("abort", () => {
          const abort = new DOMException("aborted", "AbortError");
          reject(abort);
          scripted.pieces.error(abort);
        });
        resolve(new Response(stream, { headers }));
      });
    };
  });
}

/**
 * The next request is answered by the test.
 *
 * @param {Page} page
 * @param {Refusal} [refusal]
 */
async function script(page, refusal) {
  await page.evaluate((wanted) => { Object.assign(globalThis, { script: wanted, body: null }); }, refusal ?? true);
}

/**
 * The next request goes to the service.
 *
 * @param {Page} page
 */
async function live(page) {
  await page.evaluate(() => { Object.assign(globalThis, { script: false }); });
}

/**
 * The body of the last scripted request.
 *
 * @param {Page} page
 * @returns {Promise<Body>}
 */
async function lastBody(page) {
  await page.waitForFunction(() => /** @type {Scripted} */ (globalThis).body !== null);
  return page.evaluate(() => /** @type {Body} */ (/** @type {Scripted} */ (globalThis).body));
}

/**
 * @param {Page} page
 * @param {object} event
 */
async function raw(page, event) {
  await lastBody(page);
  await page.evaluate((text) => {
    /** @type {Scripted} */ (globalThis).pieces.enqueue(new TextEncoder().encode(`data: ${text}\n\n`));
  }, JSON.stringify(event));
}

/**
 * @param {Page} page
 * @param {string} content
 */
function feed(page, content) {
  return raw(page, { choices: [{ delta: { content } }] });
}

/** @param {Page} page */
async function finish(page) {
  await raw(page, { choices: [{ delta: {}, finish_reason: "stop" }] });
  await page.evaluate(() => /** @type {Scripted} */ (globalThis).pieces.close());
}

/**
 * @param {Page} page
 * @param {string} text
 */
async function send(page, text) {
  await type(page, "#message", text);
  await page.keyboard.press("Enter");
}

/**
 * Clicks an action of a message by its label.
 *
 * @param {Page} page
 * @param {string} selector
 * @param {string} label
 */
async function action(page, selector, label) {
  await page.$eval(selector, (element, wanted) => {
    const found = [...element.querySelectorAll(".actions button")].find((button) => button.textContent === wanted);
    if (!(found instanceof HTMLElement)) throw new Error(`there is no ${wanted}`);
    found.click();
  }, label);
}

/** @param {Page} page */
function focused(page) {
  return page.evaluate(() => document.activeElement?.id);
}

/**
 * @param {Page} page
 * @param {string} selector
 */
function isInView(page, selector) {
  return page.$eval(selector, (element) => {
    const { top, bottom, height } = element.getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= innerHeight;
  });
}
