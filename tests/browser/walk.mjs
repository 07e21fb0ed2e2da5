// @ts-check
// A new organiser, with the dashboard alone: from no deployment to an event that has ended and is exported.
//
// Each step says how long it took. The service has nothing in it at first.

/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { chat, DOWNLOADS, openTab, organiser, startService, textOf, type } from "./fixture.mjs";

/** @param {Pick<Context, "browser" | "step">} context */
export async function walkSteps({ browser, step }) {
  const service = await startService();
  try {
    await walk(browser, service, step);
  } finally {
    await service.end();
  }
}

/**
 * @param {Context["browser"]} browser
 * @param {Context["service"]} service
 * @param {Context["step"]} step
 */
async function walk(browser, service, step) {
  const endpoint = await emptied(service);
  const page = await openTab(browser, service.address);
  const text = (/** @type {string} */ selector) => textOf(page, selector);
  const shows = (/** @type {string} */ selector, /** @type {string} */ words) =>
    page.waitForFunction((selector, words) => document.querySelector(selector)?.textContent?.includes(words), {}, selector, words);
  const begun = performance.now();
  /** @type {{ id: string, code: string }} */
  let event = { id: "", code: "" };
  const ask = async (/** @type {string} */ user) => {
    const { status, body } = await chat(service, `${event.code}/${user}`, "Hello", "gpt-5-mini");
    return body.error?.code ?? status;
  };
  const timed = (/** @type {string} */ name, /** @type {() => Promise<unknown>} */ run) => step(`a new organiser ${name}`, async () => {
    const from = performance.now();
    await run();
    return `${((performance.now() - from) / 1000).toFixed(1)} s`;
  });

  await timed("signs in and is led to the first deployment", async () => {
    await page.goto(`${service.address}/api/pages/dashboard`);
    await type(page, "#token", service.token);
    await page.keyboard.press("Enter");
    await shows("#view", "No events yet");
    await page.click("#view a.button");
    await shows("#view", "You have no deployments yet");
    await page.click("#view a[href='#deployment-new']");
    await page.waitForSelector("#deployment-form");
  });
  await timed("adds a deployment and tests it before any event is open", async () => {
    await type(page, "#field-name", "gpt-5-mini");
    await type(page, "#field-endpoint", endpoint);
    await type(page, "#field-key", "simulated");
    await page.click("#deployment-form button.main");
    await page.waitForSelector("[data-deployment=gpt-5-mini] [data-action=test]");
    await page.click("[data-deployment=gpt-5-mini] [data-action=test]");
    await shows("[data-result=gpt-5-mini]", "Works: gpt-5-mini");
    // Nothing of the test is left.
    assert.deepEqual(await organiser(service).events(), []);
  });
  await timed("makes an event for the names of a roster", async () => {
    await page.click("#nav a[href='#events']");
    await shows("#view", "No events yet");
    await page.click("#view a.button");
    await page.waitForSelector("#event-form");
    await type(page, "[name=name]", "First Hack");
    const at = (/** @type {string} */ name, /** @type {number} */ hours) =>
      page.$eval(`[name=${name}]`, (field, text) => { /** @type {HTMLInputElement} */ (field).value = text; }, new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16));
    await at("starts_at", -1);
    await at("ends_at", 2);
    await type(page, "[name=time_zone]", "UTC");
    await page.select("[name=access]", "roster");
    await page.click("#event-form button.main");
    await page.waitForSelector("#event-code");
    event = { id: new URL(page.url()).hash.split("=")[1] ?? "", code: await text("#event-code") };
    await page.waitForSelector("#roster-names:not([disabled])");
    await page.type("#roster-names", "ada\ngrace\n");
    await page.click("#roster-save");
    await shows("#roster", "2 added");
    assert.deepEqual([await ask("ada"), await ask("grace"), await ask("mallory")], [200, 200, "not_on_roster"]);
  });
  await timed("watches it", async () => {
    await page.waitForFunction(() => document.querySelector("#n-requests")?.textContent === "2");
    await page.waitForSelector("tr[data-user=ada]");
    assert.notEqual(await page.$eval("#n-tokens", (element) => element.firstChild?.textContent), "0");
  });
  await timed("blocks an attendee, and raises another's limits", async () => {
    await page.click("tr[data-user=grace] [data-action=block]");
    await page.waitForSelector("tr[data-user=grace] .badge.bad");
    assert.equal(await ask("grace"), "attendee_blocked");
    await page.click("tr[data-user=ada] [data-action=details]");
    await page.waitForSelector("#drawer [data-action=raise]");
    await page.click("#drawer [data-action=raise]");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForSelector("#drawer [data-action=reset]");
    await page.click("#drawer-close");
    await page.waitForFunction(() => !document.querySelector("#drawer"));
  });
  await timed("pauses it, resumes it and extends it", async () => {
    await page.click("#pause");
    await page.waitForSelector("#resume");
    for (const end = performance.now() + 30_000; await ask("ada") !== "event_paused" && performance.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.equal(await ask("ada"), "event_paused");
    await page.click("#resume");
    await page.waitForSelector("#pause");
    const before = Date.parse((await organiser(service).readEvent(event.id)).ends_at);
    await page.click("#extend");
    await shows("#view", "ends one hour later");
    assert.equal(Date.parse((await organiser(service).readEvent(event.id)).ends_at) - before, 3_600_000);
  });
  await timed("exports the attendees and ends the event", async () => {
    const file = `${DOWNLOADS}/attendees-${event.id}.csv`;
    rmSync(file, { force: true });
    await page.click("#export");
    for (const end = performance.now() + 10_000; !existsSync(file) && performance.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    assert.match(readFileSync(file, "utf8"), /^"?ada"?,/m);
    await page.click("#end");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForFunction(() => document.querySelector("#state")?.textContent === "Ended");
  });
  await timed("deletes its usage and the event itself", async () => {
    await page.waitForSelector("#reset");
    await page.click("#reset");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await shows("#view", "The usage was deleted");
    await page.click("#delete-event");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await shows("#view", "No events yet");
    assert.deepEqual(page.problems, []);
  });
  console.log(`a new organiser's walk: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  await page.browserContext().close();
}

/**
 * Deletes all that the service comes with. Returns the address of the simulated Azure.
 *
 * @param {Context["service"]} service
 */
async function emptied(service) {
  const api = organiser(service);
  for (const { id } of await api.events()) {
    await api.call("POST", `/events/${id}/end`, {});
    await api.call("DELETE", `/events/${id}`);
  }
  const { deployments } = await api.get("/deployments");
  for (const { name } of deployments) await api.call("DELETE", `/deployments/${name}`);
  return deployments[0].endpoint;
}
