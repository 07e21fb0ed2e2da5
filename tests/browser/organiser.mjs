// @ts-check
// An organiser: signs in, creates and watches an event, blocks an attendee, exports, and prints the handout.

/** @import { Page } from "puppeteer-core" */
/** @import { OrganiserEvent } from "../../functions/pages/types.d.ts" */
/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { chat, DOWNLOADS, checkAppearance, openTab, organiser, textOf, type } from "./fixture.mjs";
import { printedSteps } from "./printed.mjs";
import { rosterSteps } from "./roster.mjs";

/** A user name that is a spreadsheet formula. */
const FORMULA = "=hyperlink(\"http://example.org\")";

/** @param {Context} context */
export async function organiserSteps({ browser, service, step }) {
  const api = organiser(service);
  const page = await openTab(browser, service.address);
  const dashboard = `${service.address}/api/pages/dashboard`;
  /** @type {OrganiserEvent} */
  let event;

  await step("a wrong token is rejected", async () => {
    await page.goto(dashboard);
    await checkAppearance(page, "dashboard-enter");
    await type(page, "#token", "lanyard_wrong");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-code=invalid_organiser_token]");
  });
  await step("a token opens the list of events and is in no URL", async () => {
    await type(page, "#token", service.token);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#view table");
    assert.match(await textOf(page, "#view"), /Local hackathon/);
    assert.ok(!page.url().includes("lanyard_"));
    await checkAppearance(page, "dashboard-events");
  });
  await step("a problem is shown beside its field", async () => {
    await page.goto(`${dashboard}#new`);
    await page.waitForSelector("#event-form");
    await type(page, "[name=time_zone]", "Mars/Olympus");
    await page.click("#event-form button.main");
    await page.waitForSelector("[name=time_zone][aria-invalid]");
    assert.match(await textOf(page, "[data-problem=time_zone]"), /IANA time zone/);
    // The name is missing as well, and it is above the time zone.
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("name")), "name");
    await checkAppearance(page, "dashboard-new");
  });
  await step("an event is created", async () => {
    const wall = (/** @type {number} */ ms) => new Date(ms).toISOString().slice(0, 16);
    await type(page, "[name=name]", "Bergen Hack");
    const set = (/** @type {string} */ name, /** @type {string} */ value) =>
      page.$eval(`[name=${name}]`, (field, text) => { /** @type {HTMLInputElement} */ (field).value = text; }, value);
    await set("starts_at", wall(Date.now() - 3_600_000));
    await set("ends_at", wall(Date.now() + 7_200_000));
    await type(page, "[name=time_zone]", "UTC");
    await type(page, "[name='contact.name']", "Edvard");
    await page.click("#limits-part summary");
    await type(page, "[name='allowances.event.tokens_total']", "100000");
    const hint = await textOf(page, "[id='field-allowances.attendee.tokens_total-hint']");
    assert.equal(hint, "If empty: 2,000, twice the fair share of the event's total.");
    await page.click("#event-form button.main");
    await page.waitForSelector("#event-code");
    assert.equal(await textOf(page, "#view h1"), "Bergen Hack");
    const found = (await api.events()).find((each) => each.name === "Bergen Hack");
    assert.ok(found);
    event = found;
    assert.equal(event.allowances.event.tokens_total, 100_000);
    assert.equal(event.contact.name, "Edvard");
    assert.equal(await textOf(page, "#event-code"), event.code);
  });
  await step("a name of another event is noticed before there are two", async () => {
    await page.goto(`${dashboard}#new`);
    await page.waitForSelector("#event-form");
    await type(page, "[name=name]", "bergen hack");
    await page.waitForSelector("#namesake a");
    assert.ok((await textOf(page, "#namesake")).includes(event.code));
    await page.type("[name=name]", " two");
    assert.equal(await textOf(page, "#namesake"), "");
    await type(page, "[name=name]", "Bergen Hack");
    await page.click("#namesake a");
    await page.waitForSelector("#event-code");
  });
  await step("a warning has labels, not the names of the API's fields", async () => {
    // The default for 100 attendees is small where the event has 100,000 tokens.
    await page.waitForSelector("#view .note.warn");
    const warning = await textOf(page, "#view .note.warn");
    assert.match(warning, /^The limit of total tokens per attendee is smaller than .* or lower the max output tokens\.$/);
  });
  await step("numbers and charts update by themselves", async () => {
    const drawn = () => page.$$eval(".charts figure:first-child .line", (all) => all[0]?.getAttribute("points"));
    await page.waitForFunction(() => document.querySelector("#n-tokens")?.firstChild?.textContent === "0");
    // A chart under the pointer waits, so that its values can be read.
    await page.mouse.move(0, 0);
    const before = await drawn();
    for (const user of ["ada", "grace", "mallory", FORMULA]) {
      assert.equal((await chat(service, `${event.code}/${user}`, "Hello from the back row")).status, 200);
    }
    await page.waitForFunction(() => document.querySelector("#n-requests")?.textContent === "4");
    const after = await drawn();
    assert.notEqual(after, before);
    const { total } = await api.usage(event.id);
    assert.equal(await page.$eval("#n-tokens", (element) => element.firstChild?.textContent), String(total.total_tokens));
    await page.waitForFunction((tokens) => [...document.querySelectorAll(".charts figure svg")].some((chart) => chart.getAttribute("aria-label") === `Tokens by model: gpt-4o ${tokens}`), {}, total.total_tokens);
    const soon = await chartLabel(page, "Time to first byte");
    assert.match(soon, /^Time to first byte per minute: /);
    // The simulated Azure waits 60 ms.
    const [, most = 0, half = 0] = /p95 ([\d,]+) ms, median ([\d,]+) ms/.exec(soon)?.map((text) => Number(text.replace(",", ""))) ?? [];
    assert.ok(half > 50 && half <= most, soon);
    assert.match(await chartLabel(page, "Errors and rejected requests by hour", ".empty"), /None yet/);
    return `${before} became ${after}`;
  });
  await step("the rates are right at once after a reload", async () => {
    const { total, minutes = [] } = await api.usage(event.id);
    assert.equal(minutes.reduce((sum, row) => sum + row.requests, 0), 4);
    assert.equal(minutes.reduce((sum, row) => sum + row.total_tokens, 0), total.total_tokens);
    await page.reload();
    await page.waitForSelector("#n-rate");
    const label = await chartLabel(page, "Requests over time");
    const drawn = await page.$$eval(".charts figure:nth-child(2) .line", (all) => all[0]?.getAttribute("points")?.split(" ").length);
    assert.equal(drawn, 60, label);
    // A slow machine may reload more than two minutes after the requests, so the chart is what is compared.
    const peak = await page.$eval(".charts figure:nth-child(2) svg", (chart) => Number(chart.querySelectorAll("text")[2]?.textContent));
    assert.ok(peak >= 2, `the highest value is ${peak}`);
  });
  await step("a chart shows the values at the pointer and with the arrow keys", async () => {
    await page.focus(".charts figure:nth-child(2) .readable");
    await page.keyboard.press("End");
    await page.waitForSelector(".charts figure:nth-child(2) .readout:not([hidden])");
    const last = await textOf(page, ".charts figure:nth-child(2) .readout");
    assert.match(last, /^\d\d:\d\d: requests per minute \d+$/);
    await page.keyboard.press("ArrowLeft");
    assert.notEqual(await textOf(page, ".charts figure:nth-child(2) .readout"), last);
    await page.click("#view h1");
    await page.click("[data-range=all]");
    await page.waitForFunction(() => /per hour/.test(document.querySelector(".charts figure svg")?.getAttribute("aria-label") ?? ""));
    await page.click("[data-range=hour]");
  });
  await step("an attendee is found, blocked and unblocked", async () => {
    await type(page, "#search", "mal");
    await page.waitForFunction(() => document.querySelectorAll("tr[data-user]").length === 1);
    await page.click("tr[data-user=mallory] [data-action=block]");
    await page.waitForSelector("tr[data-user=mallory] .badge.bad");
    const rejected = await chat(service, `${event.code}/mallory`, "Am I in?");
    assert.deepEqual([rejected.status, rejected.body.error.code], [403, "attendee_blocked"]);
    await page.click("tr[data-user=mallory] [data-action=unblock]");
    await page.waitForSelector("tr[data-user=mallory] [data-action=block]");
    assert.equal((await chat(service, `${event.code}/mallory`, "And now?")).status, 200);
    // The rejected request is stored with that response at the latest, and the chart polls.
    await page.waitForFunction(() => document.querySelector("#n-errors")?.firstChild?.textContent === "1");
    assert.match(await chartLabel(page, "Errors and rejected requests by hour"), /attendee blocked 1$/);
    assert.equal((await page.$$(".charts rect.kind-0")).length, 1);
  });
  await step("each kind of error has its own bar and colour", async () => {
    const ask = async (/** @type {object} */ fields) => {
      const response = await fetch(`${service.address}/api/v1/chat/completions`, {
        method: "POST", headers: { "openai-event-code": `${event.code}/grace`, "content-type": "application/json" },
        body: JSON.stringify({ messages: [{ role: "user", content: "hello" }], ...fields }),
      });
      return (await response.json()).error.code;
    };
    const wrong = [{ model: "gpt-9" }, { max_tokens: 0 }, { max_tokens: 0 }, { background: true }, { messages: 3 }, { stream: "yes" }];
    /** @type {string[]} */
    const codes = [];
    for (const fields of wrong) codes.push(await ask(fields));
    // Rejected requests are stored every ten seconds, with the next request.
    const counted = () => page.$eval("#n-errors", (element) => Number(element.firstChild?.textContent));
    for (const end = performance.now() + 30_000; await counted() < 1 + wrong.length && performance.now() < end;) {
      await chat(service, `${event.code}/${FORMULA}`, "Hello again");
      await new Promise((resolve) => setTimeout(resolve, 3_000));
    }
    assert.equal(await counted(), 1 + wrong.length);
    const label = await chartLabel(page, "Errors and rejected requests by hour");
    for (const code of codes) assert.match(label, new RegExp(code.replaceAll("_", " ")));
    const [row] = (await api.usage(event.id)).rows;
    assert.ok(row);
    const { errors, first_byte: soon } = row;
    assert.equal(Object.values(errors).reduce((sum, times) => sum + times, 0), 1 + wrong.length);
    assert.ok(soon.requests >= 5 && soon.buckets.every((bucket) => bucket.requests > 0), JSON.stringify(soon));
    return label;
  });
  await step("a click is not lost when the attendee's numbers change", async () => {
    const requests = () => page.$eval("tr[data-user=mallory] td.number", (cell) => Number(cell.textContent));
    const before = await requests();
    await page.hover("tr[data-user=mallory] [data-action=block]");
    await page.mouse.down();
    assert.equal((await chat(service, `${event.code}/mallory`, "While you press")).status, 200);
    await page.waitForFunction((was) => Number(document.querySelector("tr[data-user=mallory] td.number")?.textContent) > was, {}, before);
    await page.mouse.up();
    await page.waitForSelector("tr[data-user=mallory] .badge.bad");
    // With the keyboard: the button that replaced another has the focus.
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-action")), "unblock");
    await page.keyboard.press("Enter");
    await page.waitForSelector("tr[data-user=mallory] [data-action=block]");
    return `${before} requests became ${await requests()}`;
  });
  await step("an attendee's limits are edited, doubled and reset in the details", async () => {
    const limit = async () => (await api.attendees(event.id)).find(({ user }) => user === "mallory")?.allowance.requests_per_minute;
    const before = await limit();
    assert.ok(before);
    await page.click("tr[data-user=mallory] [data-action=details]");
    await page.waitForSelector("#drawer-models tbody tr");
    const used = (await api.attendees(event.id)).find(({ user }) => user === "mallory")?.usage;
    const byModel = await page.$$eval("#drawer-models tbody tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
    assert.equal(byModel.reduce((sum, [, requests]) => sum + Number(requests?.replaceAll(",", "")), 0), used?.requests, JSON.stringify(byModel));
    await checkAppearance(page, "dashboard-drawer");
    await type(page, "[name='allowance.requests_per_minute']", String(before + 3));
    await page.click("#limits-form button.main");
    await page.waitForSelector("#drawer .note.good");
    assert.equal(await limit(), before + 3);
    await page.click("#drawer [data-action=reset]");
    await page.waitForFunction(() => !document.querySelector("#drawer [data-action=reset]"));
    assert.equal(await limit(), before);
    await page.click("#drawer [data-action=raise]");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForSelector("#drawer [data-action=reset]");
    assert.equal(await limit(), before * 2);
    await page.click("#drawer [data-action=token]");
    await page.waitForSelector("#issued-token");
    const token = await textOf(page, "#issued-token");
    assert.equal((await chat(service, token, "With a key of my own")).status, 200);
    await page.click("#drawer-close");
    await page.$eval("#search", (field) => { /** @type {HTMLInputElement} */ (field).value = ""; field.dispatchEvent(new Event("input")); });
  });
  await step("the export has every attendee and no formula", async () => {
    const file = `${DOWNLOADS}/attendees-${event.id}.csv`;
    rmSync(file, { force: true });
    await page.click("#export");
    for (const end = performance.now() + 10_000; !existsSync(file) && performance.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const lines = readFileSync(file, "utf8").trim().split("\r\n");
    assert.equal(lines.length, 5);
    assert.ok(lines.some((line) => line.startsWith("\"'=hyperlink(")), lines.join("\n"));
    assert.ok(!lines.some((line) => /^"?[=+@-]/.test(line)), lines.join("\n"));
  });
  await step("the event is paused and resumed", async () => {
    await page.click("#pause");
    await page.waitForSelector("#resume");
    assert.equal(await textOf(page, "#state"), "Paused by the organiser");
    assert.equal((await api.readEvent(event.id)).paused, true);
    await page.click("#undo-event");
    await page.waitForSelector("#pause");
    assert.equal((await api.readEvent(event.id)).paused, false);
    // The next poll shows what another organiser did.
    await api.call("POST", `/events/${event.id}/pause`, {});
    await page.waitForSelector("#resume");
    assert.equal(await textOf(page, "#state"), "Paused by the organiser");
    await page.click("#resume");
    await page.waitForSelector("#pause");
    assert.equal((await api.readEvent(event.id)).paused, false);
  });
  await step("the audit log has every change", async () => {
    await page.waitForFunction(() => document.querySelectorAll("#audit tbody tr").length === 13);
    assert.match(await textOf(page, "#audit"), /resume.*pause.*change attendee: mallory/s);
  });
  await step("300 attendees are sorted, filtered, paged and changed together", async () => {
    const many = await api.createEvent({ name: "Large Hack", time_zone: "UTC", attendees: 300,
      starts_at: new Date(Date.now() - 3_600_000).toISOString(), ends_at: new Date(Date.now() + 3_600_000).toISOString() });
    const name = (/** @type {number} */ index) => `user-${String(index).padStart(3, "0")}`;
    for (let index = 0; index < 300; index += 1) {
      await api.call("PATCH", `/events/${many.id}/attendees/${name(index)}`, { allowance: { requests_per_minute: 100 } });
    }
    for (const [index, times] of /** @type {const} */ ([[17, 1], [233, 3], [120, 2]])) {
      for (let time = 0; time < times; time += 1) assert.equal((await chat(service, `${many.code}/${name(index)}`, "Hello")).status, 200);
    }
    const tab = await page.browserContext().newPage();
    await tab.goto(`${dashboard}`);
    await tab.evaluate((token) => sessionStorage.setItem("lanyard.organiser", token), service.token);
    await tab.goto("about:blank");
    await tab.goto(`${dashboard}#event=${many.id}`);
    const users = () => tab.$$eval("tr[data-user]", (all) => all.map((row) => row.getAttribute("data-user")));
    await tab.waitForFunction(() => document.querySelectorAll("tr[data-user]").length === 50 && document.querySelector("#page")?.textContent === "Page 1 of 6");
    await tab.click("[data-sort=requests]");
    await tab.waitForSelector("th[aria-sort=descending] [data-sort=requests]");
    assert.deepEqual((await users()).slice(0, 4), [name(233), name(120), name(17), name(0)]);
    await tab.click("[data-sort=user]");
    await tab.click("[data-sort=user]");
    assert.deepEqual((await users()).slice(0, 2), [name(299), name(298)]);
    await tab.select("#filter", "used");
    await tab.waitForFunction(() => document.querySelectorAll("tr[data-user]").length === 3);
    await tab.click("#select-all");
    const before = await tab.waitForSelector(".bulk:not([hidden]) button.danger");
    await before?.click();
    await tab.waitForSelector("#confirm");
    await tab.click("#confirm");
    await tab.waitForFunction(() => document.querySelectorAll("tr[data-user] .badge.bad").length === 3);
    assert.deepEqual((await api.attendees(many.id)).filter(({ blocked }) => blocked).map(({ user }) => user), [name(17), name(120), name(233)]);
    await tab.close();
  });
  await step("an event is cloned without its attendees and its code", async () => {
    await page.click("#clone");
    await page.waitForSelector("#clone-name");
    await page.click("#confirm");
    await page.waitForFunction((id) => !location.hash.includes(id) && document.querySelector("#view h1")?.textContent === "Bergen Hack (copy)", {}, event.id);
    const copy = (await api.events()).find(({ name }) => name === "Bergen Hack (copy)");
    assert.ok(copy);
    const { name: _, id, code, version, starts_at: starts, ends_at: ends, status, paused, warnings, created_at: made, ...rest } = /** @type {OrganiserEvent & { created_at: string }} */ (copy);
    /** @type {Record<string, unknown>} */
    const original = { ...await api.readEvent(event.id) };
    assert.deepEqual(rest, Object.fromEntries(Object.keys(rest).map((field) => [field, original[field]])));
    assert.notEqual(code, original.code);
    await page.goto("about:blank");
    await page.goto(`${dashboard}#event=${event.id}`);
    await page.waitForSelector("tr[data-user=mallory]");
  });
  await step("the event's view is accessible", () => checkAppearance(page, "dashboard-event"));
  await step("an edit sends only the changed fields", async () => {
    await page.goto(`${dashboard}#edit=${event.id}`);
    await page.waitForSelector("#event-form");
    await type(page, "[name=description]", "Welcome");
    const sent = page.waitForRequest((request) => request.method() === "PATCH");
    await page.click("#event-form button.main");
    assert.deepEqual(JSON.parse((await sent).postData() ?? ""), { description: "Welcome" });
    await page.waitForSelector("#event-code");
    assert.equal((await api.readEvent(event.id)).description, "Welcome");
  });
  await printedSteps({ page, service, step, event: () => event });
  await rosterSteps({ page, service, step });
  await step("an organiser token is made, and revoked", async () => {
    await page.goto(`${dashboard}#tokens`);
    await page.waitForSelector("#token-form");
    await type(page, "#token-name", "laptop");
    await page.click("#token-form button.main");
    await page.waitForSelector("#new-token");
    const made = await textOf(page, "#new-token");
    const works = async () => (await fetch(`${service.address}/api/admin/events`, { headers: { authorization: `Bearer ${made}` } })).status;
    assert.equal(await works(), 200);
    await page.waitForSelector("[data-token=laptop] button");
    await page.click("[data-token=laptop] button");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForFunction(() => !document.querySelector("[data-token=laptop]"));
    assert.equal(await works(), 401);
    await checkAppearance(page, "dashboard-tokens");
  });
  await step("a trailing slash leads to the same pages", async () => {
    const tab = await openTab(browser, service.address);
    for (const [path, selector] of Object.entries({ "pages/": "main form", "pages/dashboard/": "#token", "pages/handout/": "main", "docs/": "[data-operation=chat]" })) {
      const response = await tab.goto(`${service.address}/api/${path}`);
      assert.equal(response?.status(), 200, path);
      await tab.waitForSelector(selector);
    }
    assert.deepEqual(tab.problems, []);
    await tab.browserContext().close();
  });
  await step("the API reference is shown", async () => {
    const tab = await openTab(browser, service.address);
    await tab.goto(`${service.address}/api/docs`);
    await tab.waitForSelector("[data-operation=chat]");
    /** @type {{ paths: Record<string, object> }} */
    const described = await (await fetch(`${service.address}/api/openapi.json`)).json();
    const count = Object.values(described.paths).flatMap((item) => Object.keys(item)).filter((name) => name !== "parameters").length;
    assert.equal((await tab.$$("[data-operation]")).length, count);
    await tab.click("[data-operation=createEvent] summary");
    assert.match(await textOf(tab, "[data-operation=createEvent]"), /time_zone: string. An IANA name/);
    assert.equal(await tab.$eval("main p code", (element) => element.textContent), "/v1");
    assert.doesNotMatch(await tab.$eval("main", (main) => main.textContent ?? ""), /`/);
    await checkAppearance(tab, "docs");
    assert.deepEqual(tab.problems, []);
    await tab.browserContext().close();
    return `${count} operations`;
  });
  await step("signing out removes the token, and nothing is sent elsewhere", async () => {
    // Load the page again, so that the button is not that of the previous view.
    await page.goto("about:blank");
    await page.goto(`${dashboard}#event=${event.id}`);
    await page.waitForSelector("#end");
    await page.click("#end");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForFunction(() => document.querySelector("#state")?.textContent === "Ended");
    await page.click("#sign-out");
    await page.waitForSelector("#sign-in:not([hidden])");
    assert.equal(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage })), "{}");
    assert.deepEqual(page.problems, []);
  });
  await page.browserContext().close();
}

/**
 * The accessible label of a chart.
 *
 * @param {Page} page
 * @param {string} title
 */
function chartLabel(page, title, part = "svg") {
  return page.$$eval(".charts figure", (all, wanted, inner) => {
    const found = all.find((figure) => figure.querySelector("figcaption")?.textContent.startsWith(wanted))?.querySelector(inner);
    return found?.getAttribute("aria-label") ?? found?.textContent ?? "";
  }, title, part);
}
