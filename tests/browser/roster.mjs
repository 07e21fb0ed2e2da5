// @ts-check
// A roster: edited by hand, and read from files.

/** @import { Page } from "puppeteer-core" */
/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { chat, DOWNLOADS, checkAppearance, organiser, textOf, type } from "./fixture.mjs";

/**
 * On the page of an organiser who has signed in.
 *
 * @param {Pick<Context, "service" | "step"> & { page: Page }} context
 */
export async function rosterSteps({ page, service, step }) {
  const api = organiser(service);
  await step("a roster is edited and applies at once", async () => {
    const closed = await api.createEvent({ name: "Closed Hack", access: "roster", time_zone: "UTC",
      starts_at: new Date(Date.now() - 3_600_000).toISOString(), ends_at: new Date(Date.now() + 3_600_000).toISOString() });
    await page.goto(`${service.address}/api/pages/dashboard#event=${closed.id}`);
    await page.waitForSelector("#roster-save:not([disabled])");
    await type(page, "#roster-names", "Ada\n\n grace \nada");
    await page.click("#roster-save");
    await page.waitForSelector("#roster .note.good");
    assert.match(await textOf(page, "#roster .note"), /^2 on the roster: 2 added, 0 removed/);
    const users = async () => (await api.roster(closed.id)).map(({ user }) => user);
    assert.deepEqual(await users(), ["ada", "grace"]);
    assert.equal((await chat(service, `${closed.code}/ada`, "Am I in?")).status, 200);
    assert.equal((await chat(service, `${closed.code}/eve`, "And I?")).body.error.code, "not_on_roster");
    await checkAppearance(page, "dashboard-roster");
    await page.$eval("#roster-names", (field) => { /** @type {HTMLTextAreaElement} */ (field).value = "grace"; });
    await page.click("#roster-save");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForFunction(() => /0 added, 1 removed/.test(document.querySelector("#roster .note")?.textContent ?? ""));
    assert.deepEqual(await users(), ["grace"]);
  });
  await step("a CSV file is previewed before it becomes a roster", async () => {
    const file = `${DOWNLOADS}/classroom.csv`;
    writeFileSync(file, "\ufeff\"identifier\";\"github_username\";\"name\"\r\n\"1\";\"linus\";\"Linus\"\r\n\"2\";\"\";\"Nobody\"\r\n\"3\";\"Zo\u00eb\";\"Zo\u00eb\"\r\n");
    const input = /** @type {import("puppeteer-core").ElementHandle<HTMLInputElement> | null} */ (await page.$("#roster-file"));
    await input?.uploadFile(file);
    await page.waitForSelector("#csv-preview");
    assert.equal(await page.$eval("#csv-column", (field) => /** @type {HTMLSelectElement} */ (field).selectedOptions[0]?.text), "github_username");
    assert.match(await textOf(page, "#csv-preview"), /^2 names: linus, Zoe/);
    assert.match(await textOf(page, "#csv-preview"), /Line 3: 2 has no user name/);
    await checkAppearance(page, "dashboard-roster-csv");
    await page.click("#confirm");
    await page.waitForSelector("#roster .note");
    assert.equal(await page.$eval("#roster-names", (field) => /** @type {HTMLTextAreaElement} */ (field).value), "grace\nlinus\nZoe");
    // As Excel writes "Unicode text", and "CSV" in much of Europe.
    const unicode = `${DOWNLOADS}/unicode.txt`;
    writeFileSync(unicode, Buffer.from("\ufeffName\tUser\r\nZo\u00eb\tann\r\n", "utf16le"));
    const european = `${DOWNLOADS}/european.csv`;
    writeFileSync(european, Buffer.from("Name;User\r\nZo\u00eb;J\u00f8rn\r\n", "latin1"));
    for (const each of [unicode, european]) {
      await input?.uploadFile(each);
      await page.waitForSelector("#csv-preview");
      await page.click("#confirm");
      await page.waitForFunction(() => !document.querySelector("#csv-preview"));
    }
    assert.equal(await page.$eval("#roster-names", (field) => /** @type {HTMLTextAreaElement} */ (field).value), "grace\nlinus\nZoe\nann\nJorn");
    const workbook = `${DOWNLOADS}/people.xlsx`;
    writeFileSync(workbook, Buffer.from("PK\u0003\u0004", "latin1"));
    await input?.uploadFile(workbook);
    await page.waitForSelector("#roster .note.bad");
    assert.match(await textOf(page, "#roster .note.bad"), /^people\.xlsx cannot be read\. This is a workbook\./);
  });
}
