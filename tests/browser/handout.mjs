// @ts-check
// The handout: the page and the file of the command line are the same, and the slide fills a screen.

/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ENVIRONMENT, openTab, organiser, ROOT, SCREENSHOTS } from "./fixture.mjs";

/** @param {Context} context */
export async function handoutSteps({ browser, service, step }) {
  const api = organiser(service);
  const event = await api.createEvent({ name: "Handout Hack", time_zone: "Europe/Oslo", contact: { name: "Kari" },
    starts_at: new Date(Date.now() - 3_600_000).toISOString(), ends_at: new Date(Date.now() + 7_200_000).toISOString() });
  const page = await openTab(browser, service.address);
  await page.goto(`${service.address}/api/pages/dashboard`);
  await page.evaluate((token) => sessionStorage.setItem("lanyard.organiser", token), service.token);
  await page.goto(`${service.address}/api/pages/handout#event=${event.id}`);
  await page.waitForSelector(".sheet #setup-tool option:nth-child(2)");
  const file = `${SCREENSHOTS}/handout-of-cli.html`;

  await step("the handout of the command line is the page, as one file that loads nothing", async () => {
    const cli = process.env.LANYARD_CLI ?? `${ROOT}/target/debug/lanyard`;
    await promisify(execFile)(cli, ["handout", event.id, "-o", file, "--address", `${service.address}/api`],
      { env: { ...ENVIRONMENT, LANYARD_ORGANISER_TOKEN: service.token } });
    const saved = await openTab(browser, "file://");
    await saved.goto(`file://${file}`);
    await saved.waitForSelector(".sheet #setup-tool option:nth-child(2)");
    const words = (/** @type {import("puppeteer-core").Page} */ tab) => tab.$eval(".sheet", (sheet) => sheet.textContent);
    assert.equal(await words(saved), await words(page));
    const shown = await words(page);
    assert.match(shown, /chat, responses: gpt-4o, gpt-4o-mini, gpt-5-mini/);
    assert.match(shown, /Claude: claude-sonnet-5/);
    assert.doesNotMatch(shown, /videos/, "the event refuses them");
    for (const [tool, model] of [["codex", "gpt-5-mini"], ["claude-code", "claude-sonnet-5"]]) {
      const setup = async (/** @type {import("puppeteer-core").Page} */ tab) => {
        await tab.select("#setup-tool", tool ?? "");
        await tab.waitForFunction((model) => document.querySelector(".setup pre")?.textContent?.includes(model ?? ""), {}, model);
        return tab.$eval(".setup pre", (code) => code.textContent);
      };
      assert.equal(await setup(saved), await setup(page));
      assert.ok((await setup(saved))?.includes(event.code), "the tool's configuration has the code");
    }
    const inFile = JSON.parse(await saved.$eval("#saved", (element) => element.textContent ?? ""));
    assert.deepEqual(Object.keys(inFile.deployments[0]).sort(), ["name", "operations"]);
    assert.deepEqual(saved.problems.filter((problem) => !problem.startsWith("a request to file://")), []);
    await saved.browserContext().close();
  });
  await step("the slide fills a screen of 1920 by 1080", async () => {
    await page.setViewport({ width: 1920, height: 1080 });
    await page.click("#form");
    const box = await page.$eval(".sheet", (sheet) => { const { x, y, width, height } = sheet.getBoundingClientRect(); return [x, y, width, height]; });
    assert.deepEqual(box, [0, 0, 1920, 1080]);
    const parts = await page.$$eval(".sheet :is(h1, .code, svg, .address)", (all) => all.map((part) => {
      const { left, right, top, bottom, height } = part.getBoundingClientRect();
      return { name: part.tagName, isInside: left >= 0 && right <= 1920 && top >= 0 && bottom <= 1080, height };
    }));
    assert.ok(parts.every(({ isInside }) => isInside), JSON.stringify(parts));
    const [, code, qr] = parts;
    assert.ok(code && qr && code.height > 60 && qr.height > 500, JSON.stringify(parts));
    await page.screenshot({ path: `${SCREENSHOTS}/slide-1920.png` });
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.body.classList.contains("as-slide"));
  });
  await step("a long code stays on the slide as well", async () => {
    const code = page.$eval("#large-code", (line) => /** @type {HTMLElement} */ (line).style.setProperty("--letters", "64"));
    await code;
    await page.$eval("#large-code", (line) => { line.textContent = "m".repeat(64); });
    await page.click("#form");
    const right = await page.$eval("#large-code", (line) => line.scrollWidth + line.getBoundingClientRect().left);
    const qr = await page.$eval(".qr", (part) => part.getBoundingClientRect().left);
    assert.ok(right <= qr, `${right} is beyond ${qr}`);
  });
  await page.browserContext().close();
}
