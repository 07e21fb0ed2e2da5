// @ts-check
// Every page on the smallest phone: nothing is wider than 320 px, each target of a finger has 44 px, and no text shows the
// marks of Markdown. Then the dashboard with the keyboard alone.

/** @import { Context, Tab } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { chat, openTab, organiser } from "./fixture.mjs";

const SMALLEST = { width: 320, height: 640, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

/** @param {Context} context */
export async function accessibilitySteps({ browser, service, step }) {
  const api = organiser(service);
  const event = await api.createEvent({ name: "A hackathon with a rather long name", time_zone: "UTC", access: "roster",
    starts_at: new Date(Date.now() - 3_600_000).toISOString(), ends_at: new Date(Date.now() + 7_200_000).toISOString() });
  await api.call("PUT", `/events/${event.id}/roster`, { users: ["ada"] });
  assert.equal((await chat(service, `${event.code}/ada`, "Hello")).status, 200);
  const page = await openTab(browser, service.address);
  await page.setViewport(SMALLEST);
  await page.goto(`${service.address}/api/pages/dashboard`);
  await page.evaluate((token) => sessionStorage.setItem("lanyard.organiser", token), service.token);

  const views = {
    "pages#code=": ["#code, #user", ""],
    [`pages#code=${event.code}`]: ["#user", ""],
    "pages/dashboard#events": ["#view table", ""],
    [`pages/dashboard#event=${event.id}`]: ["tr[data-user=ada]", ""],
    [`pages/dashboard#event=${event.id}&drawer`]: ["tr[data-user=ada]", "tr[data-user=ada] [data-action=details]"],
    [`pages/dashboard#edit=${event.id}`]: ["#event-form", "#limits-part summary"],
    "pages/dashboard#new": ["#event-form", ""],
    "pages/dashboard#deployments": ["[data-deployment=gpt-4o]", ""],
    "pages/dashboard#deployment-new": ["#deployment-form", ""],
    "pages/dashboard#tokens": ["#token-form", ""],
    [`pages/handout#event=${event.id}`]: [".sheet", ""],
    docs: ["[data-operation=chat]", ""],
  };
  for (const [path, [selector = "", click = ""]] of Object.entries(views)) {
    await step(`on a phone of 320 px, /${path.replace(event.code, "CODE").replace(event.id, "ID")} fits and has targets of 44 px`, async () => {
      await page.goto("about:blank");
      await page.goto(`${service.address}/api/${path}`);
      await page.waitForSelector(selector);
      if (click) await page.$eval(click, (element) => /** @type {HTMLElement} */ (element).click());
      if (click.includes("details")) await page.waitForSelector("#drawer");
      assert.ok(await page.evaluate(() => matchMedia("(pointer: coarse)").matches), "this is no phone");
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px wider than the screen`);
      assert.deepEqual(await small(page), []);
      assert.deepEqual(await rawMarkdown(page), []);
      if (selector.startsWith("tr[data-user")) {
        const right = await page.$eval("tr[data-user=ada] [data-action=details]", (button) => button.getBoundingClientRect().right);
        assert.ok(right <= SMALLEST.width, `the details of an attendee are ${right} px to the right`);
      }
    });
  }
  await step("with the keyboard alone, an event is opened and paused", async () => {
    const tab = await page.browserContext().newPage();
    await tab.goto(`${service.address}/api/pages/dashboard`);
    await tab.evaluate((token) => sessionStorage.setItem("lanyard.organiser", token), service.token);
    await tab.reload();
    await tab.waitForSelector(`[data-event=${event.id}]`);
    const goTo = async (/** @type {string} */ selector) => {
      for (let time = 0; time < 100; time += 1) {
        await tab.keyboard.press("Tab");
        const isThere = await tab.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
        if (!isThere) continue;
        const outline = await tab.evaluate(() => (document.activeElement ? getComputedStyle(document.activeElement).outlineStyle : ""));
        assert.notEqual(outline, "none", `the focus on ${selector} is not visible`);
        return;
      }
      throw new Error(`Tab does not reach ${selector}`);
    };
    await goTo(`[data-event=${event.id}] a`);
    await tab.keyboard.press("Enter");
    await tab.waitForSelector("#pause");
    await goTo("#pause");
    await tab.keyboard.press("Enter");
    await tab.waitForSelector("#resume");
    assert.equal((await api.readEvent(event.id)).paused, true);
    await goTo("[data-action=details]");
    await tab.keyboard.press("Enter");
    await tab.waitForSelector("#drawer");
    await tab.keyboard.press("Escape");
    await tab.waitForFunction(() => !document.querySelector("#drawer"));
    assert.equal(await tab.evaluate(() => document.activeElement?.getAttribute("data-action")), "details", "the focus returns");
  });
  await step("another view begins at its top, where the keyboard goes on", async () => {
    const tab = await page.browserContext().newPage();
    await tab.setViewport({ width: 1000, height: 600 });
    await tab.goto(`${service.address}/api/pages/dashboard`);
    await tab.evaluate((token) => sessionStorage.setItem("lanyard.organiser", token), service.token);
    await tab.goto(`${service.address}/api/pages/dashboard#event=${event.id}`);
    await tab.reload();
    await tab.waitForSelector("tr[data-user=ada]");
    await tab.$eval(`a[href='#edit=${event.id}']`, (link) => link.focus({ preventScroll: true }));
    await tab.evaluate(() => scrollTo(0, 900));
    assert.ok(await tab.evaluate(() => scrollY > 500), "the page is long enough");
    await tab.$eval(`a[href='#edit=${event.id}']`, (link) => { link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })); });
    await tab.waitForSelector("#event-form");
    await tab.waitForFunction(() => scrollY === 0 && document.activeElement?.id === "main");
    await tab.keyboard.press("Tab");
    assert.ok(await tab.evaluate(() => document.activeElement?.closest("#event-form") !== null), "the next target is in the form");
  });
  await page.browserContext().close();
}

/**
 * Texts outside of code that have the marks of Markdown.
 *
 * @param {Tab} page
 */
function rawMarkdown(page) {
  return page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent ?? "";
      if (/`|\*\*|\]\(http/.test(text) && !node.parentElement?.closest("pre, textarea, script, style")) found.push(text);
    }
    return found;
  });
}

/**
 * The visible targets that are smaller than 44 px. A link in a text and a checkbox with its label are exempt (WCAG 2.5.5).
 *
 * @param {Tab} page
 */
function small(page) {
  return page.evaluate(() => {
    const isVisible = (/** @type {Element} */ element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const isInText = (/** @type {Element} */ element) => element.matches("a:not(.button)") && element.closest("p, li, td, th, span.hint") !== null;
    const isHidden = (/** @type {Element} */ element) => element.closest(".skip, .visually-hidden, [tabindex='-1']") !== null;
    const modal = document.querySelector("dialog[open]") ?? document;
    return [...modal.querySelectorAll("a[href], button, input, select, textarea, summary")]
      .filter((element) => isVisible(element) && !isInText(element) && !isHidden(element) && !element.matches("[type=checkbox]"))
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.height < 43.5 || box.width < 43.5))
      .map(({ element, box }) => `${element.outerHTML.slice(0, 90)}: ${Math.round(box.width)} × ${Math.round(box.height)}`);
  });
}
