// @ts-check
// An organiser: the details of an attendee, sessions, issued keys, own deployments, and the reset of a rehearsal.

/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { chat, checkAppearance, openTab, organiser, SCREENSHOTS, textOf, type } from "./fixture.mjs";

/** @param {Context} context */
export async function detailSteps({ browser, service, step }) {
  const api = organiser(service);
  const page = await openTab(browser, service.address);
  const dashboard = `${service.address}/api/pages/dashboard`;
  const event = await api.createEvent({ name: "Details Hack", time_zone: "UTC", own_deployments: "organiser",
    starts_at: new Date(Date.now() - 3_600_000).toISOString(), ends_at: new Date(Date.now() + 7_200_000).toISOString() });
  await page.goto(dashboard);
  await type(page, "#token", service.token);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#view table");

  const open = async () => {
    await page.goto("about:blank");
    await page.goto(`${dashboard}#event=${event.id}`);
    await page.waitForSelector("tr[data-user=ada] [data-action=details]");
    await page.click("tr[data-user=ada] [data-action=details]");
    await page.waitForSelector("#drawer");
  };

  await step("the details of an attendee have the reasons of rejected requests", async () => {
    assert.equal((await chat(service, `${event.code}/ada`, "Hello")).status, 200);
    await api.call("PATCH", `/events/${event.id}/attendees/ada`, { blocked: true });
    // The service notices a block at once, and stores rejected requests every ten seconds, with the next request.
    for (const end = performance.now() + 60_000; performance.now() < end;) {
      await chat(service, `${event.code}/ada`, "Am I in?");
      if ((await api.get(`/events/${event.id}/attendees/ada`)).rejected.length) break;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    await open();
    await page.waitForFunction(() => /Attendee blocked/.test(document.querySelector("#drawer")?.textContent ?? ""));
    assert.match(await textOf(page, "#drawer-refusals"), /^Requests are refused now.*Attendee blocked/s);
    await page.screenshot({ path: `${SCREENSHOTS}/drawer-viewport.png` });
    await api.call("PATCH", `/events/${event.id}/attendees/ada`, { blocked: false });
  });
  await step("a limit of the event is named as what refuses an attendee", async () => {
    await api.call("PATCH", `/events/${event.id}`, { allowances: { event: { tokens_total: 1 } } });
    await open();
    await page.waitForFunction(() => /The event's limit of .*: 0 of 1 left/.test(document.querySelector("#drawer-refusals")?.textContent ?? ""));
    await api.call("PATCH", `/events/${event.id}`, { allowances: { event: { tokens_total: null } } });
  });
  await step("somebody who was blocked in advance is removed", async () => {
    await api.call("PATCH", `/events/${event.id}/attendees/mallroy`, { blocked: true });
    await page.goto("about:blank");
    await page.goto(`${dashboard}#event=${event.id}`);
    await page.waitForSelector("tr[data-user=mallroy] [data-action=details]");
    await page.click("tr[data-user=mallroy] [data-action=details]");
    await page.waitForSelector("#drawer [data-action=free]");
    assert.equal(await textOf(page, "#drawer [data-action=free]"), "Remove");
    await page.click("#drawer [data-action=free]");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForFunction(() => !document.querySelector("tr[data-user=mallroy]"));
    await open();
  });
  await step("a deployment of one attendee is added and deleted", async () => {
    await page.waitForSelector("[data-action=add-own]");
    await page.click("[data-action=add-own]");
    await page.waitForSelector("#deployment-form");
    assert.match(await textOf(page, "#view"), /^Only ada uses this deployment/);
    await type(page, "#field-name", "mine");
    await type(page, "#field-endpoint", "https://ada.openai.azure.com");
    await type(page, "#field-key", "secret-key-of-ada");
    await page.click("#deployment-form button.main");
    await page.waitForSelector("tr[data-user=ada]");
    const own = async () => (await api.get(`/events/${event.id}/own-deployments?user=ada`)).deployments.length;
    assert.equal(await own(), 1);
    await open();
    await page.waitForSelector("[data-own=mine]");
    await page.click("[data-own=mine]");
    await page.waitForFunction(() => !document.querySelector("[data-own=mine]"));
    assert.equal(await own(), 0);
  });
  await step("an issued key is listed and revoked", async () => {
    await page.click("#drawer [data-action=token]");
    await page.waitForSelector("#issued-token");
    const token = await textOf(page, "#issued-token");
    await page.click("#drawer-close");
    await page.click("#issued-tokens summary");
    await page.waitForSelector("[data-token=ada]");
    await page.click("[data-token=ada]");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForSelector("#issued-tokens .badge.bad");
    const refused = async () => (await chat(service, token, "Still in?")).status === 401;
    for (const end = performance.now() + 60_000; !(await refused()) && performance.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.ok(await refused());
  });
  await step("usage is shown by session", async () => {
    const response = await fetch(`${service.address}/api/v1/chat/completions`, {
      method: "POST", headers: { "openai-event-code": `${event.code}/ada`, "content-type": "application/json", "x-session-id": "demo-1" },
      body: JSON.stringify({ messages: [{ role: "user", content: "In a session" }] }),
    });
    assert.equal(response.status, 200);
    await response.text();
    await page.click("#sessions summary");
    // The session is filed after the response.
    for (const end = performance.now() + 30_000; performance.now() < end;) {
      if (/demo-1ada1/.test(await textOf(page, "#sessions"))) break;
      await page.click("#sessions summary");
      await page.click("#sessions summary");
      await page.waitForFunction(() => (document.querySelector("#sessions div")?.childElementCount ?? 0) > 0);
    }
    assert.match(await textOf(page, "#sessions"), /demo-1ada1/);
    await checkAppearance(page, "dashboard-details");
  });
  await step("a rehearsal is reset", async () => {
    assert.equal(await page.$("#reset"), null, "an open event is not reset");
    await page.click("#pause");
    await page.waitForSelector("#reset");
    await page.click("#reset");
    await page.waitForSelector("#confirm");
    await page.click("#confirm");
    await page.waitForFunction(() => /The usage was deleted. 1 attendee had joined/.test(document.querySelector("#view")?.textContent ?? ""));
    await page.waitForFunction(() => document.querySelector("#n-requests")?.textContent === "0");
    assert.equal((await api.usage(event.id)).total.requests, 0);
    assert.deepEqual(await api.attendees(event.id), []);
    assert.deepEqual(page.problems, []);
  });
  await page.browserContext().close();
}
