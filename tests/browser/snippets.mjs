// @ts-check
// Every code example of the page: it is run, or parsed if its language is not installed.

/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { parse } from "yaml";
import { clipboard, ENVIRONMENT, openTab, organiser, ROOT, type } from "./fixture.mjs";

const require = createRequire(import.meta.url);
const TOOLS = process.env.LANYARD_TOOLS ?? `${ROOT}/.ci/tools`;
const SCRIPTS = `${ROOT}/tests/browser/node_modules/.snippets`;
/** User names with characters that languages quote in different ways. */
const NAMES = ["snippets", "o'neil \"$HOME\" `x` \\n"];

const run = promisify(execFile);
const python = (/** @type {string} */ tool) => async (/** @type {string} */ text) => (await run(`${TOOLS}/${tool}/bin/python`, ["-c", text], { env: ENVIRONMENT })).stdout;

/**
 * Runs an example and returns its output.
 *
 * @type {Record<string, (text: string) => Promise<string>>}
 */
const RUN = {
  bash: async (text) => (await run("bash", ["-c", text], { env: ENVIRONMENT })).stdout,
  python: python("clients-openai"),
  azure: python("clients-openai"),
  langchain: python("clients-langchain"),
  javascript: node,
  "claude-bash": async (text) => (await run("bash", ["-c", text], { env: ENVIRONMENT })).stdout,
  "claude-python": python("clients-anthropic"),
  "claude-typescript": node,
};

/** @param {string} text */
async function node(text) {
  mkdirSync(SCRIPTS, { recursive: true });
  writeFileSync(`${SCRIPTS}/hello.mjs`, text);
  return (await run("node", [`${SCRIPTS}/hello.mjs`], { env: ENVIRONMENT })).stdout;
}

/**
 * Checks an example that cannot be run here.
 *
 * @type {Record<string, (text: string, access: { base: string, credential: string }) => unknown>}
 */
const READ = {
  powershell: (text) => grammar("powershell", text),
  csharp: (text) => grammar("c-sharp", text),
  continue: (text, { base, credential }) => {
    const [model] = parse(text).models;
    assert.deepEqual([model.apiBase, model.apiKey, model.provider], [`${base}/v1`, credential, "openai"]);
  },
  "claude-code": async (text, { base, credential }) => {
    const { stdout } = await run("bash", ["-c", `claude() { env -0; }\n${text}`], { env: ENVIRONMENT });
    const set = stdout.split("\0").filter((line) => line.startsWith("ANTHROPIC_")).map((line) => line.split(/=(.*)/s, 2));
    const models = ["", "_DEFAULT_OPUS", "_DEFAULT_SONNET", "_DEFAULT_HAIKU"].map((kind) => [`ANTHROPIC${kind}_MODEL`, "claude-sonnet-5"]);
    assert.deepEqual(Object.fromEntries(set), Object.fromEntries([["ANTHROPIC_BASE_URL", base], ["ANTHROPIC_AUTH_TOKEN", credential], ...models]));
  },
  cline: (text, { base, credential }) => {
    assert.ok(text.includes(`${base}/v1\n`) && text.includes(`${credential}\n`), text);
  },
};

/** @param {Context} context */
export async function snippets({ browser, service, step }) {
  await step("the examples of Claude are there for an event that offers it, and alone where nothing else chats", async () => {
    const now = Date.now();
    for (const [deployments, expected] of /** @type {const} */ ([
      [["gpt-4o", "text-embedding-3-small"], [false, true]], [["gpt-4o", "claude-sonnet-5"], [true, true]], [["claude-sonnet-5"], [true, false]],
    ])) {
      const event = await organiser(service).createEvent({ name: "Models", time_zone: "UTC", deployments: [...deployments],
        starts_at: new Date(now - 3_600_000).toISOString(), ends_at: new Date(now + 3_600_000).toISOString() });
      const page = await openTab(browser, service.address);
      await page.goto(`${service.address}/api/pages#code=${event.code}`);
      await type(page, "#user", "ada");
      await page.click("#join-button");
      await page.waitForSelector("#joined:not([hidden]) [data-tab]");
      const ids = await page.$$eval("#snippets [data-tab]", (tabs) => tabs.map((tab) => tab.getAttribute("data-tab") ?? ""));
      const claude = ids.filter((id) => id.startsWith("claude-")).length;
      assert.deepEqual([claude === 4, ids.length > claude], expected, ids.join());
      const models = await page.$$eval("#models li", (all) => all.map((item) => item.textContent));
      assert.equal(models.length, deployments.length);
      assert.ok(models.every((text) => /chat|embeddings|Claude/.test(text)), models.join());
      await page.browserContext().close();
    }
  });
  await step("the grammars find syntax errors", async () => {
    await assert.rejects(() => grammar("powershell", "$a = @{ 'b' = 'c\n$d ="));
    await assert.rejects(() => grammar("c-sharp", "var a = new B(\"c\";"));
  });
  for (const user of NAMES) {
    const page = await openTab(browser, service.address);
    await page.goto(service.page);
    await type(page, "#user", user);
    await page.click("#join-button");
    await page.waitForSelector("#joined:not([hidden]) [data-tab]");
    const ids = await page.$$eval("#snippets [data-tab]", (tabs) => tabs.map((tab) => tab.getAttribute("data-tab") ?? ""));
    await step(`every code example is checked, for ${user}`, async () => {
      assert.deepEqual([...ids].sort(), [...Object.keys(RUN), ...Object.keys(READ)].sort());
    });
    for (const id of ids) {
      const run = RUN[id];
      await step(`the ${id} example ${run ? "works" : "is valid"}, for ${user}`, async () => {
        await page.click(`#snippets [data-tab=${id}]`);
        await page.click(".snippet button");
        await page.waitForFunction(() => document.querySelector(".snippet button")?.textContent === "Copied");
        const text = await clipboard(page);
        const shown = await page.$eval("#snippets pre", (element) => element.textContent);
        assert.equal(text, shown);
        const base = `${service.address}/api`;
        if (!run) return void await READ[id]?.(text, { base, credential: `hackathon/${user}` });
        const printed = await run(text);
        assert.match(printed, /\[simulated\]/);
        assert.match(printed, /Say hello in five languages/);
      });
    }
    await step(`the usage of the examples is counted, for ${user}`, async () => {
      await page.click("#refresh");
      await page.waitForFunction((count) => document.querySelector("#limits")?.textContent.includes(` in ${count} requests`), {}, Object.keys(RUN).length);
      assert.deepEqual(page.problems, []);
    });
    await page.browserContext().close();
  }
}

/** @type {Promise<void> | undefined} */
let ready;

/**
 * Fails if a text has a syntax error.
 *
 * @param {string} language
 * @param {string} text
 */
async function grammar(language, text) {
  const { Parser, Language } = require("@vscode/tree-sitter-wasm");
  const folder = require.resolve("@vscode/tree-sitter-wasm").replace(/[^/]*$/, "");
  ready ??= Parser.init({ locateFile: (name) => `${folder}${name}` });
  await ready;
  const parser = new Parser();
  parser.setLanguage(await Language.load(readFileSync(`${folder}tree-sitter-${language}.wasm`)));
  const tree = parser.parse(text);
  assert.ok(tree && !tree.rootNode.hasError, `not ${language}: ${tree?.rootNode.toString().slice(0, 2000)}`);
}
