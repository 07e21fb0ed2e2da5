// @ts-check
// Takes the screenshots of the README and the docs, against the local service.
//
//     node tests/browser/screenshots.mjs FOLDER

import { chat, openTab, organiser, startBrowser, startService, type } from "./fixture.mjs";

const ANSWER = `The quickest way is a generator, which yields one value at a time:

\`\`\`python
def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b
\`\`\`

| n | Value |
|---:|---:|
| 10 | 55 |
| 20 | 6765 |

- It needs **constant memory**.
- \`itertools.islice\` takes the first values.
`;

const [folder = "."] = process.argv.slice(2);
const service = await startService();
const browser = await startBrowser();
const api = organiser(service);
const wall = (/** @type {number} */ ms) => new Date(ms).toISOString().slice(0, 19);
const event = await api.createEvent({
  name: "Oslo Hack", code: "oslo-hack-7h3k9w2m", time_zone: "Europe/Oslo", starts_at: new Date(Date.now() - 7_200_000).toISOString(), ends_at: new Date(Date.now() + 90_000_000).toISOString(),
  attendees: 60, description: "Build something **useful** in a weekend. Teams of up to *four*; demos on Sunday at three.",
  contact: { name: "Kari Nordmann", email: "kari@example.org" }, allowances: { event: { tokens_total: 3_000_000 } },
});
const users = ["ada", "alan", "barbara", "edsger", "grace", "john", "katherine", "linus", "margaret", "tim"];
for (const [index, user] of users.entries()) {
  for (let time = 0; time <= (index * 7) % 6; time += 1) await chat(service, `${event.code}/${user}`, `Explain recursion to ${user}, number ${time}`);
}
for (let time = 0; time < 3; time += 1) {
  await fetch(`${service.address}/api/v1/chat/completions`, { method: "POST", headers: { "openai-event-code": `${event.code}/linus`, "content-type": "application/json" }, body: JSON.stringify({ model: "gpt-9", messages: [{ role: "user", content: "Hi" }] }) });
}
await api.createEvent({ name: "Bergen Workshop", time_zone: "Europe/Oslo", starts_at: wall(Date.now() + 600_000_000), ends_at: wall(Date.now() + 700_000_000), attendees: 25 });

/**
 * @param {import("puppeteer-core").Page} page
 * @param {string} name
 * @param {{ width: number, height: number, scheme?: string, scale?: number }} form
 */
async function shot(page, name, { width, height, scheme = "light", scale = 1 }) {
  await page.setViewport({ width, height, deviceScaleFactor: scale });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.screenshot({ path: `${folder}/${name}.png` });
}

const page = await openTab(browser, service.address);
await page.evaluateOnNewDocument((text) => {
  const real = globalThis.fetch;
  globalThis.fetch = (address, options) => {
    if (!String(address).endsWith("/chat/completions")) return real(address, options);
    const chunk = (/** @type {object} */ part) => `data: ${JSON.stringify(part)}\n\n`;
    const body = chunk({ choices: [{ delta: { content: text }, finish_reason: "stop" }] })
      + chunk({ usage: { prompt_tokens: 21, completion_tokens: 118, total_tokens: 139 }, choices: [] });
    return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream", "x-request-id": "req_example" } }));
  };
}, ANSWER);
await page.goto(`${service.address}/api/pages#code=${event.code}`);
await type(page, "#user", "ada");
await page.keyboard.press("Enter");
await page.waitForSelector("#joined:not([hidden])");
await page.evaluate(() => scrollTo(0, 0));
await shot(page, "attendee", { width: 1100, height: 760 });
await type(page, "#message", "How do I compute Fibonacci numbers in Python?");
await page.keyboard.press("Enter");
await page.waitForSelector(".message.assistant .usage");
await page.$eval("#conversation", (box) => { box.scrollTop = 0; });
await page.$eval("#playground", (element) => element.scrollIntoView({ block: "start" }));
await shot(page, "playground", { width: 1100, height: 800 });
await page.setViewport({ width: 390, height: 844 });
await page.$eval("#playground", (element) => element.scrollIntoView({ block: "start" }));
await shot(page, "playground-phone", { width: 390, height: 844, scheme: "dark" });

const dashboard = await openTab(browser, service.address);
await dashboard.goto(`${service.address}/api/pages/dashboard`);
await type(dashboard, "#token", service.token);
await dashboard.keyboard.press("Enter");
await dashboard.waitForSelector("#view table");
await dashboard.goto(`${service.address}/api/pages/dashboard#event=${event.id}`);
await dashboard.waitForFunction(() => document.querySelector("#n-joined")?.firstChild?.textContent === "10");
await shot(dashboard, "event", { width: 1200, height: 900 });
await dashboard.goto(`${service.address}/api/pages/dashboard#deployments`);
await dashboard.waitForSelector("[data-deployment=gpt-4o]");
await dashboard.$eval("[data-deployment=gpt-4o]", (element) => element.scrollIntoView({ block: "start" }));
await shot(dashboard, "deployments", { width: 1200, height: 560 });
await dashboard.goto(`${service.address}/api/pages/handout#event=${event.id}`);
await dashboard.waitForSelector(".sheet");
await dashboard.click("#form");
await shot(dashboard, "handout", { width: 1200, height: 740 });
await browser.close();
await service.end();
