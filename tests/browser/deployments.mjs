// @ts-check
// An organiser: adds, edits, tests and deletes deployments, and chooses the models of an event.

/** @import { Deployment } from "../../functions/pages/types.d.ts" */
/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { checkAppearance, openTab, organiser, textOf, type } from "./fixture.mjs";

/** @param {Context} context */
export async function deploymentSteps({ browser, service, step }) {
  const api = organiser(service);
  const page = await openTab(browser, service.address);
  const dashboard = `${service.address}/api/pages/dashboard`;
  /** @type {() => Promise<Deployment[]>} */
  const deployments = async () => (await api.get("/deployments")).deployments;
  const [local] = await deployments();
  assert.ok(local);
  await page.goto(dashboard);
  await type(page, "#token", service.token);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#view table");

  await step("the deployments are listed with their replicas, models and events", async () => {
    await page.click("#nav a[href='#deployments']");
    await page.waitForSelector("[data-deployment=gpt-4o]");
    const text = await textOf(page, "[data-deployment=gpt-4o]");
    assert.match(text, /Local hackathon/);
    assert.match(text, /128,000 tokens/);
    await checkAppearance(page, "dashboard-deployments");
  });
  await step("a deployment is added, and what is not known of its model is marked", async () => {
    await page.goto(`${dashboard}#deployment-new`);
    await page.waitForSelector("#deployment-form");
    await type(page, "#field-name", "house-model");
    await type(page, "#field-endpoint", "http://nowhere.example.org");
    await type(page, "#field-key", "secret-key-1");
    await page.click("#deployment-form button.main");
    await page.waitForSelector("#field-endpoint[aria-invalid]");
    await page.$eval("#field-endpoint", (field, text) => { /** @type {HTMLInputElement} */ (field).value = text; }, local.endpoint);
    await page.click("#deployment-form button.main");
    await page.waitForSelector("[data-deployment=house-model]");
    const text = await textOf(page, "[data-deployment=house-model]");
    assert.match(text, /Context windowUnknown/);
    assert.match(text, /is not known/);
    assert.ok(!(await page.content()).includes("secret-key-1"));
    await page.goto(`${dashboard}#deployment=house-model&replica=main`);
    await page.waitForSelector("#deployment-form");
    await checkAppearance(page, "dashboard-deployment");
  });
  await step("a name and replica that exists is not replaced, and can be edited from there", async () => {
    const before = await deployments();
    await page.goto(`${dashboard}#deployment-new`);
    await page.waitForSelector("#deployment-form");
    await type(page, "#field-name", "House-Model");
    await page.$eval("#field-endpoint", (field, text) => { /** @type {HTMLInputElement} */ (field).value = text; }, local.endpoint);
    await type(page, "#field-key", "secret-key-9");
    await page.click("#deployment-form button.main");
    await page.waitForSelector("[data-code=name_taken]");
    assert.deepEqual(await deployments(), before);
    await page.click("[data-code=name_taken] a");
    await page.waitForFunction(() => document.querySelector("#deployment-form h1")?.textContent?.startsWith("Edit house-model"));
  });
  await step("a second replica shares the load by weight", async () => {
    await page.goto(`${dashboard}#deployment-new=house-model`);
    await page.waitForSelector("#deployment-form");
    await type(page, "#field-replica", "sweden");
    await type(page, "#field-weight", "3");
    await page.$eval("#field-endpoint", (field, text) => { /** @type {HTMLInputElement} */ (field).value = text; }, local.endpoint);
    await type(page, "#field-key", "secret-key-2");
    await page.click("#deployment-form button.main");
    await page.waitForSelector("[data-replica=sweden]");
    assert.match(await textOf(page, "[data-deployment=house-model] [data-replica=sweden]"), /3 \(75 %\)/);
    assert.equal((await deployments()).find(({ name, replica }) => name === "house-model" && replica === "sweden")?.weight, 3);
  });
  await step("a key is rotated, and everything else stays", async () => {
    const before = (await deployments()).filter(({ name }) => name === "house-model");
    const sent = page.waitForRequest((request) => request.method() === "PUT");
    await page.click("[data-replica=sweden] [data-action=rotate-key]");
    await type(page, "#new-key", "secret-key-3");
    await page.click("#confirm");
    assert.equal(JSON.parse((await sent).postData() ?? "").key, "secret-key-3");
    await page.waitForSelector("#error .note.good");
    assert.deepEqual((await deployments()).filter(({ name }) => name === "house-model"), before);
  });
  await step("a deployment is tested with a request through an event", async () => {
    // The list is drawn anew after a change, without results. A fresh page has nothing under way.
    await page.reload();
    await page.waitForSelector("[data-deployment=gpt-4o] [data-action=test]");
    await page.click("[data-deployment=gpt-4o] [data-action=test]");
    await page.waitForSelector("[data-result=gpt-4o] .note.good");
    const words = await textOf(page, "[data-result=gpt-4o]");
    assert.match(words, /^Works: .* responded in [\d,]+ ms/);
    return words;
  });
  await step("an event offers the chosen models, with a default", async () => {
    const wall = (/** @type {number} */ ms) => new Date(ms).toISOString().slice(0, 16);
    const event = await api.createEvent({ name: "Models Hack", time_zone: "UTC", starts_at: wall(Date.now() - 3_600_000), ends_at: wall(Date.now() + 7_200_000) });
    await page.goto(`${dashboard}#edit=${event.id}`);
    await page.waitForSelector("#all-models");
    await page.click("#all-models");
    await page.$$eval("[data-model]", (boxes) => {
      for (const box of boxes) if (box.getAttribute("data-model") !== "gpt-4o-mini" && box.getAttribute("data-model") !== "gpt-4o") /** @type {HTMLInputElement} */ (box).click();
    });
    await page.$eval("#field-default_deployments\\.chat_completions", (field) => { field.closest("details")?.setAttribute("open", ""); });
    await page.select("#field-default_deployments\\.chat_completions", "gpt-4o-mini");
    await checkAppearance(page, "dashboard-edit");
    const sent = page.waitForRequest((request) => request.method() === "PATCH");
    await page.click("#event-form button.main");
    assert.deepEqual(JSON.parse((await sent).postData() ?? ""), { deployments: ["gpt-4o", "gpt-4o-mini"], default_deployments: { chat_completions: "gpt-4o-mini" } });
    await page.waitForSelector("#event-code");
    const changed = await api.readEvent(event.id);
    assert.deepEqual([changed.deployments, changed.default_deployments.chat_completions], [["gpt-4o", "gpt-4o-mini"], "gpt-4o-mini"]);
  });
  await step("a mistyped deployment is deleted while events offer all there are", async () => {
    await api.call("PUT", "/deployments/gtp-4o", { endpoint: "https://one.openai.azure.com", operations: ["moderations"], key: "k" });
    const { id } = await api.createEvent({ name: "All Models", time_zone: "UTC", starts_at: new Date(Date.now() - 3_600_000).toISOString(), ends_at: new Date(Date.now() + 7_200_000).toISOString() });
    assert.equal((await api.readEvent(id)).deployments, null);
    await page.goto(`${dashboard}#deployments`);
    await page.waitForSelector("[data-deployment=gtp-4o] [data-action=delete]");
    await page.click("[data-deployment=gtp-4o] [data-action=delete]");
    await page.waitForSelector("dialog #confirm");
    await page.click("#confirm");
    await page.waitForSelector("#error .note.good");
    await page.waitForFunction(() => !document.querySelector("[data-deployment=gtp-4o]"));
  });
  await step("a deployment that an event lists is not deleted", async () => {
    await page.goto(`${dashboard}#deployments`);
    await page.waitForSelector("[data-deployment=gpt-4o]");
    const count = (await deployments()).length;
    await page.click("[data-deployment=gpt-4o-mini] [data-action=delete]");
    await page.waitForSelector("dialog #confirm");
    await page.click("#confirm");
    await page.waitForSelector("#error .note.bad");
    assert.equal((await deployments()).length, count);
    assert.deepEqual(page.problems, []);
  });
  await page.browserContext().close();
}
