// @ts-check
// An attendee: joins, runs the first code example, chats, and reaches a limit.

/** @import { OrganiserEvent } from "../../functions/pages/types.d.ts" */
/** @import { Service, Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { addImage, chat, clipboard, DOWNLOADS, ENVIRONMENT, checkAppearance, openTab, organiser, reloadUntil, textOf, type } from "./fixture.mjs";

const MOST_SECONDS = 60;
const DESCRIPTION = `## Build something\n\nBring a *laptop* and **ideas**, and read [the rules](https://example.org/rules).\n
- Teams of \`four\`\n- Demo at five\n
<img src=x onerror=alert(1)> [no](javascript:alert(1)) <script>alert(2)</script>`;

/**
 * A time zone whose midnight is half a day away, so that no day ends during the test.
 *
 * @param {Date} now
 */
function zoneOfNoon(now) {
  const behind = now.getUTCHours() - 12;
  return `Etc/GMT${behind < 0 ? "" : "+"}${behind}`;
}

/**
 * An event with three requests per day and attendee.
 *
 * @param {Service} service
 * @returns {Promise<OrganiserEvent>}
 */
function smallEvent(service) {
  const now = Date.now();
  return organiser(service).createEvent({
    name: "Oslo Hack", starts_at: new Date(now - 3_600_000).toISOString(), ends_at: new Date(now + 86_400_000).toISOString(),
    time_zone: zoneOfNoon(new Date(now)), attendees: 20, description: DESCRIPTION, contact: { name: "Grace", email: "grace@example.org" },
    url: "https://example.org/hack", url_text: "The hackathon's page", allowances: { attendee: { requests_per_day: 3 } },
  });
}

/** @param {Context} context */
export async function attendee({ browser, service, step }) {
  const event = await smallEvent(service);
  const page = await openTab(browser, service.address);
  const left = () => page.$eval("[data-limit=requests_per_day] [data-remaining]", (element) => Number(element.getAttribute("data-remaining")));
  const leftIs = (/** @type {number} */ wanted) => page.waitForFunction((number) =>
    document.querySelector("[data-limit=requests_per_day] [data-remaining]")?.getAttribute("data-remaining") === String(number), {}, wanted);

  await step("the join form is accessible", async () => {
    await page.goto(service.page);
    await page.waitForFunction(() => document.querySelector("#title")?.textContent === "Local hackathon");
    await checkAppearance(page, "attend-enter");
  });
  await step("a wrong code is explained", async () => {
    await page.goto(`${service.address}/api/pages#code=no-such-event`);
    await page.reload();
    await type(page, "#user", "ada");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-code=invalid_event_code]");
    assert.match(await textOf(page, "#error"), /Compare the code with the slide/);
  });
  await step("a first visit takes at most 5 requests and 60 KB", async () => {
    const said = [];
    for (const path of ["pages", `pages#code=${event.code}`, "pages/dashboard", "docs"]) {
      const tab = await openTab(browser, service.address);
      await tab.goto(`${service.address}/api/${path}`, { waitUntil: "networkidle0" });
      const sizes = await tab.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .map((entry) => /** @type {PerformanceResourceTiming} */ (entry)).filter(({ name }) => name.startsWith("http")).map(({ transferSize }) => transferSize));
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      assert.ok(sizes.length <= 5 && bytes <= 60_000 && bytes > 5_000, `${path}: ${sizes.length} requests, ${bytes} bytes`);
      said.push(`/${path.replace(event.code, "CODE")} ${sizes.length} requests, ${(bytes / 1000).toFixed(1)} KB`);
      await tab.browserContext().close();
    }
    return said.join("; ");
  });
  await step("from the open page to the first response", async () => {
    const tab = await openTab(browser, service.address);
    const begun = performance.now();
    await tab.goto(`${service.address}/api/pages`);
    await type(tab, "#code", event.code);
    await type(tab, "#user", "first-timer");
    await tab.keyboard.press("Enter");
    await tab.waitForSelector("#joined:not([hidden]) .snippet button");
    const toSnippet = (performance.now() - begun) / 1000;
    await tab.click(".snippet button");
    const snippet = await clipboard(tab);
    const response = JSON.parse(String(execFileSync("bash", ["-c", snippet], { env: ENVIRONMENT, stdio: ["ignore", "pipe", "ignore"] })));
    const seconds = (performance.now() - begun) / 1000;
    assert.match(response.choices[0].message.content, /^\[simulated\]/);
    assert.ok(seconds < MOST_SECONDS, `${seconds} s`);
    assert.deepEqual(tab.problems, []);
    await tab.browserContext().close();
    return `${toSnippet.toFixed(1)} s to the snippet, ${seconds.toFixed(1)} s in all; ${event.code.length + "first-timer".length} keys at 50 ms each, the snippet run by bash`;
  });
  await step("the event is shown, and its description cannot add markup", async () => {
    await page.goto("about:blank");
    await page.goto(`${service.address}/api/pages#code=${event.code}&event=${event.id}`);
    await type(page, "#user", "ada");
    await page.click("#join-button");
    await page.waitForSelector("#joined:not([hidden])");
    assert.equal(await textOf(page, "#title"), "Oslo Hack");
    assert.match(await textOf(page, "#event .badge"), /^Live, ends in 23 hours/);
    assert.match(await textOf(page, "#event"), /Organised by Grace, grace@example.org/);
    const described = await page.$eval(".description", (element) => ({
      text: element.textContent, links: [...element.querySelectorAll("a")].map((link) => link.href),
      tags: [...new Set([...element.querySelectorAll("*")].map((each) => each.localName))].sort(),
    }));
    assert.deepEqual(described.tags, ["a", "code", "em", "h2", "li", "p", "strong", "ul"]);
    assert.deepEqual(described.links, ["https://example.org/rules"]);
    assert.match(described.text, /<img src=x onerror=alert\(1\)> \[no\]\(javascript:alert\(1\)\) <script>/);
    assert.equal(await left(), 3);
  });
  await step("a chat streams, and the remaining limit falls", async () => {
    await type(page, "#message", "Tell me about lanyards");
    const growing = page.evaluate(() => new Promise((resolve) => {
      const sizes = new Set();
      const watch = new MutationObserver(() => {
        sizes.add(document.querySelector(".message.assistant .text")?.textContent.length ?? 0);
        if (document.querySelector(".usage")) { watch.disconnect(); resolve(sizes.size); }
      });
      watch.observe(document.querySelector("#conversation") ?? document.body, { childList: true, subtree: true, characterData: true });
    }));
    await page.keyboard.press("Enter");
    const sizes = await growing;
    assert.ok(sizes > 5, `only ${sizes} sizes were seen`);
    assert.match(await textOf(page, ".message.assistant .text"), /^\[simulated\]/);
    assert.match(await textOf(page, ".message.assistant .usage"), /^\d+ input tokens · \d+ output tokens · first token after [\d.]+ s · [\d.]+ s total$/);
    await leftIs(2);
    assert.match(await textOf(page, "#remaining"), /2 of 3 requests per day/);
    return `${sizes} sizes were seen`;
  });
  await step("a response can be stopped", async () => {
    await type(page, "#message", "A long one please, with many words in it");
    await page.click("#send");
    await page.waitForFunction(() => document.querySelectorAll(".message.assistant .text")[1]?.textContent);
    await page.click("#stop");
    await page.waitForFunction(() => /stopped/.test(document.querySelector(".message.assistant:last-child .usage")?.textContent ?? ""));
    await leftIs(1);
  });
  await step("settings, functions, an image and the code for them", async () => {
    await page.click(".settings summary");
    // The default model reasons, and takes no temperature.
    await page.select("#model", "gpt-4o");
    await type(page, "#system", "Be brief.");
    await type(page, "#temperature", "0.2");
    await type(page, "#max-tokens", "50");
    await page.$eval("#functions", (field) => { /** @type {HTMLTextAreaElement} */ (field).value = JSON.stringify([{ name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } }]); });
    await type(page, "#message", "What is the weather in Oslo?");
    await addImage(page, "#message", "paste");
    await page.click("#show-code");
    const code = await textOf(page, "#code-dialog pre");
    for (const part of ["Be brief.", "\"temperature\": 0.2", "\"max_tokens\": 50", "\"name\": \"weather\"", `openai-event-code: ${event.code}/ada`]) {
      assert.ok(code.includes(part), `${part} is not in ${code}`);
    }
    await page.click("#code-dialog [data-tab=python]");
    assert.match(await textOf(page, "#code-dialog pre"), /temperature=0\.2/);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.querySelector("#code-dialog"));
    await page.click(".images button");
    await page.click("#send");
    await page.waitForSelector(".tool-call");
    await leftIs(0);
    return textOf(page, ".tool-call code");
  });
  await step("a limit is explained, with the time when it resets", async () => {
    await type(page, ".tool-call textarea", "{\"sky\": \"blue\"}");
    await page.click(".message.assistant form button");
    await page.waitForSelector("[data-code=insufficient_quota]");
    const words = await textOf(page, ".message.assistant:last-child");
    assert.match(words, /Your allowance of 3 requests per day is used up\./);
    return words.slice(0, 140);
  });
  await step("the attendee page is accessible", () => checkAppearance(page, "attend-inside"));
  await step("the .env file can be downloaded", async () => {
    const file = `${DOWNLOADS}/lanyard.env`;
    rmSync(file, { force: true });
    await page.click("#dot-env");
    await until(() => existsSync(file), "the download");
    const text = readFileSync(file, "utf8");
    const printed = execFileSync("bash", ["-c", `set -a\n${text}\nprintf '%s %s %s' "$OPENAI_BASE_URL" "$OPENAI_API_KEY" "$LANYARD_KEY"`], { env: ENVIRONMENT });
    assert.equal(String(printed), `${service.address}/api/v1 ${event.code}/ada ${event.code}/ada`);
  });
  await step("the configuration of a tool is shown, and the choice is remembered", async () => {
    await page.waitForSelector("#setup-tool option[value=codex]");
    await page.select("#setup-tool", "codex");
    for (const visit of ["first", "second"]) {
      await page.waitForSelector("#snippets .setup pre code");
      const text = await textOf(page, "#snippets .setup pre code");
      assert.ok(text.includes(`base_url = "${service.address}/api/v1"`) && text.includes(`${event.code}/ada`), `${visit}: ${text}`);
      if (visit === "first") await page.reload();
    }
    // A tool that reads the key from the environment has the command that sets it, in the configuration or below it.
    const tools = await page.$$eval("#setup-tool option", (all) => all.map(({ value, textContent }) => ({ value, label: textContent })).filter(({ value }) => value));
    /** @type {string[]} */
    const reading = [];
    for (const { value: tool, label } of tools) {
      await page.select("#setup-tool", tool);
      const raw = await (await fetch(`${service.address}/api/setup/${tool}`)).text();
      const credential = `${event.code}/ada`;
      await page.waitForFunction((shown) => document.querySelector("#snippets .setup")?.getAttribute("data-tool") === shown, {}, tool);
      const all = await textOf(page, "#snippets .setup");
      if (raw.includes("LANYARD_KEY")) {
        reading.push(tool);
        const sets = tool === "continue" ? `LANYARD_KEY=${credential}` : `export LANYARD_KEY='${credential}'`;
        assert.ok(all.includes(sets), `${tool} does not say how to set its key: ${all}`);
      }
      assert.notEqual(label, "", tool);
    }
    assert.ok(["opencode", "kilo", "pi", "codex", "anthropic", "openai"].every((tool) => reading.includes(tool)), reading.join());
    assert.ok(tools.some(({ label }) => label === "Vercel AI SDK") && tools.every(({ value, label }) => value !== "ai-sdk" || label !== value));
    // A tool that speaks Anthropic's format gets a model of Claude, not the one for chats.
    await page.select("#setup-tool", "claude-code");
    await page.waitForFunction(() => document.querySelector("#snippets .setup pre code")?.textContent?.includes("ANTHROPIC_MODEL='claude-"));
    await page.select("#setup-tool", "codex");
  });
  await step("injected scripts do not run, and nothing is sent elsewhere", async () => {
    assert.deepEqual(page.problems, []);
    const ran = await page.evaluate(() => {
      let markup = "made";
      try { document.createElement("div").innerHTML = "<b>x</b>"; } catch { markup = "rejected"; }
      const script = document.createElement("script");
      try { script.textContent = "globalThis.ran = true"; document.body.append(script); } catch { /* rejected as well */ }
      return ["ran" in globalThis, markup, document.cookie];
    });
    assert.deepEqual(ran, [false, "rejected", ""]);
    assert.ok(page.problems.length > 0, "the policy said nothing");
  });
  await page.browserContext().close();
  await registration({ browser, service, step });
  await phases({ browser, service, step });
}

/**
 * The page before an event, while it is paused, and after it. The link has the code alone.
 *
 * @param {Context} context
 */
async function phases({ browser, service, step }) {
  const api = organiser(service);
  const wall = (/** @type {number} */ ms) => new Date(ms).toISOString().slice(0, 19);
  const event = await api.createEvent({ name: "Narvik Hack", time_zone: "UTC", starts_at: wall(Date.now() + 3_600_000), ends_at: wall(Date.now() + 86_400_000), description: "Bring skis." });
  const change = (/** @type {object} */ fields) => api.call("PATCH", `/events/${event.id}`, fields);
  const page = await openTab(browser, service.address);
  const link = `${service.address}/api/pages#code=${event.code}`;
  await step("an event that has not started is shown from its code, with a countdown", async () => {
    await page.goto(link);
    await page.waitForFunction(() => document.querySelector("#title")?.textContent === "Narvik Hack");
    assert.match(await textOf(page, "#event-state"), /^Starts in (59 minutes|1 hour)/);
    assert.match(await textOf(page, ".description"), /Bring skis/);
    await checkAppearance(page, "attend-before");
  });
  await step("a name is written in Latin letters, and the page opens by itself", async () => {
    await type(page, "#user", "J\u00f8rgen");
    assert.match(await textOf(page, "#spelling"), /You will join as Jorgen/);
    await page.click("#remember");
    await page.click("#join-button");
    await page.waitForSelector("[data-state=scheduled]");
    assert.match(await textOf(page, "#error"), /opens by itself/);
    await change({ starts_at: wall(Date.now() - 60_000) });
    await page.waitForSelector("#joined:not([hidden])", { timeout: 60_000 });
    assert.match(await textOf(page, "#signed-in-as"), /jorgen/);
    assert.equal(await textOf(page, "#api-key"), `${event.code}/Jorgen`);
  });
  await step("three limits are shown, and the rest is folded", async () => {
    assert.equal((await page.$$("#limits > dl [data-limit]")).length, 3);
    const folded = await page.$$eval("#all-limits [data-limit]", (all) => all.map((each) => each.checkVisibility()));
    assert.ok(folded.length > 3 && folded.every((isVisible) => !isVisible), JSON.stringify(folded));
  });
  await step("the chosen language and the name are remembered on this device", async () => {
    await page.click("#snippets [data-tab=python]");
    const other = await page.browserContext().newPage();
    await other.goto(link);
    await other.waitForSelector("#joined:not([hidden])");
    assert.equal(await other.$eval("#snippets [aria-selected=true]", (tab) => tab.getAttribute("data-tab")), "python");
    await other.close();
  });
  await step("a paused event shows what was used, and continues by itself", async () => {
    assert.equal((await chat(service, `${event.code}/Jorgen`, "Hello")).status, 200);
    await api.call("POST", `/events/${event.id}/pause`, {});
    await reloadUntil(page, "[data-state=paused]");
    assert.match(await textOf(page, "#own-usage"), /in 1 request\./);
    assert.equal(await textOf(page, "#event-state"), "Paused by the organiser");
    await checkAppearance(page, "attend-paused");
    await api.call("POST", `/events/${event.id}/resume`, {});
    await page.waitForSelector("#joined:not([hidden])", { timeout: 60_000 });
  });
  await step("an event that is over shows what was used", async () => {
    await api.call("POST", `/events/${event.id}/end`, {});
    await reloadUntil(page, "[data-state=ended]");
    assert.match(await textOf(page, "#own-usage"), /in 1 request\./);
    assert.equal(await textOf(page, "#event-state"), "Ended");
    assert.equal(await page.$eval("#join", (element) => element.checkVisibility()), false, "there is nothing to join");
    await checkAppearance(page, "attend-after");
    assert.deepEqual(page.problems, []);
  });
  await step("after the event a browser that has only the code shows the usage of a name", async () => {
    const other = await openTab(browser, service.address);
    await other.goto(link);
    await other.waitForFunction(() => document.querySelector("#join h2")?.textContent === "See what you used");
    await type(other, "#user", "somebody-else");
    await other.keyboard.press("Enter");
    await other.waitForSelector("[data-state=ended]");
    assert.match(await textOf(other, "#error"), /Nothing was used under the name somebody-else\./);
    await type(other, "#user", "Jorgen");
    await other.keyboard.press("Enter");
    await other.waitForSelector("#own-usage");
    assert.match(await textOf(other, "#own-usage"), /in 1 request\./);
    assert.match(await textOf(other, "#signed-in-as"), /jorgen/);
    await other.click("#forget");
    await other.waitForFunction(() => document.querySelector("#join")?.checkVisibility() && !document.querySelector("#own-usage"));
    assert.deepEqual(other.problems, []);
    await other.browserContext().close();
  });
  await page.browserContext().close();
}

/**
 * An event with registration: the same passphrase shows the key again, another one does not.
 *
 * @param {Context} context
 */
async function registration({ browser, service, step }) {
  const wall = (/** @type {number} */ ms) => new Date(ms).toISOString().slice(0, 19);
  const event = await organiser(service).createEvent({
    name: "Trondheim Hack", starts_at: wall(Date.now() - 3_600_000), ends_at: wall(Date.now() + 86_400_000), time_zone: "UTC", access: "registered",
  });
  const enter = async (/** @type {string} */ words) => {
    const tab = await openTab(browser, service.address);
    await tab.goto(`${service.address}/api/pages#code=${event.code}`);
    await type(tab, "#user", "ada");
    await tab.keyboard.press("Enter");
    await tab.waitForSelector("#proof");
    await type(tab, "#proof", words);
    await tab.keyboard.press("Enter");
    return tab;
  };
  /** @type {string[]} */
  const keys = [];
  for (const what of ["a user name is registered, and the code example with its own key works", "the same passphrase shows the key again"]) {
    await step(what, async () => {
      const tab = await enter("my cat sits on the mat");
      await tab.waitForSelector("#joined:not([hidden]) .snippet button");
      await tab.click(".snippet button");
      const snippet = await clipboard(tab);
      keys.push(/openai-event-code: ([^']+)'/.exec(snippet)?.[1] ?? "");
      assert.ok(keys[0] && !keys[0].includes(event.code), "the key is the code");
      assert.equal(keys.at(-1), keys[0]);
      assert.match(String(execFileSync("bash", ["-c", snippet], { env: ENVIRONMENT, stdio: ["ignore", "pipe", "ignore"] })), /\[simulated\]/);
      await tab.reload();
      await tab.waitForSelector("#joined:not([hidden])");
      assert.deepEqual(tab.problems, []);
      await tab.browserContext().close();
    });
  }
  await step("another passphrase does not show the key", async () => {
    const tab = await enter("my dog sits on the mat");
    await tab.waitForSelector("[data-code=already_registered]");
    await checkAppearance(tab, "attend-register");
    await tab.browserContext().close();
  });
  await step("after the event the passphrase shows what was used", async () => {
    await organiser(service).call("POST", `/events/${event.id}/end`, {});
    const tab = await openTab(browser, service.address);
    await tab.goto(`${service.address}/api/pages#code=${event.code}`);
    // A function that has read the event notices its end within ten seconds.
    for (let tries = 0; tries < 20 && !/Ended/.test(await textOf(tab, "#event")); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await tab.reload();
      await tab.waitForSelector("#event-state");
    }
    assert.equal(await textOf(tab, "#event-state"), "Ended");
    for (const [name, passphrase, wanted] of [["nobody", "my cat sits on the mat", "Nothing was used under the name nobody"], ["ada", "my cat sits on the mat", ""]]) {
      await type(tab, "#user", name ?? "");
      await tab.keyboard.press("Enter");
      await tab.waitForFunction((name) => document.querySelector("#registration h2")?.textContent?.includes(name ?? ""), {}, name);
      await type(tab, "#proof", passphrase ?? "");
      await tab.keyboard.press("Enter");
      if (wanted) await tab.waitForFunction((words) => document.querySelector("#registration")?.textContent?.includes(words), {}, wanted);
    }
    await tab.waitForSelector("#own-usage");
    assert.match(await textOf(tab, "#own-usage"), /in 2 requests\./);
    assert.equal(await tab.$eval("#registration", (element) => element.checkVisibility()), false);
    assert.deepEqual(tab.problems, []);
    await tab.browserContext().close();
  });
}

/**
 * @param {() => boolean} isTrue
 * @param {string} what
 */
async function until(isTrue, what) {
  for (const end = performance.now() + 10_000; performance.now() < end;) {
    if (isTrue()) return;
    // There is no event to wait for.
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${what} did not come`);
}
