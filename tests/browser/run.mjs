// @ts-check
// Tests the pages in a real browser against the local service, as an attendee and as an organiser.
//
//     node tests/browser/run.mjs                     everything
//     node tests/browser/run.mjs attendee organiser  these parts only
//
// Prints `ok NAME` or `FAIL NAME: why` for each step and ends with an exit code. Screenshots go to target/screenshots.
// `.ci/run browser` installs what it needs and calls this.

import { accessibilitySteps } from "./accessibility.mjs";
import { attendee } from "./attendee.mjs";
import { deploymentSteps } from "./deployments.mjs";
import { detailSteps } from "./details.mjs";
import { startBrowser, startService } from "./fixture.mjs";
import { handoutSteps } from "./handout.mjs";
import { modules } from "./modules.mjs";
import { organiserSteps } from "./organiser.mjs";
import { playgroundSteps } from "./playground.mjs";
import { snippets } from "./snippets.mjs";
import { walkSteps } from "./walk.mjs";

let passed = 0;
let failed = 0;

/**
 * Runs a step. One that fails is counted, and the next one goes on.
 *
 * @param {string} name
 * @param {() => unknown} run
 */
async function step(name, run) {
  try {
    const said = await run();
    passed += 1;
    console.log(`ok ${name}${said ? `: ${said}` : ""}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}: ${error instanceof Error ? error.stack : error}`);
  }
}

const service = await startService();
const browser = await startBrowser();
try {
  const context = { browser, service, step };
  /** @type {Record<string, () => Promise<void>>} */
  const parts = {
    modules: () => modules(step),
    attendee: () => attendee(context),
    playground: () => playgroundSteps(context),
    snippets: () => snippets(context),
    organiser: () => organiserSteps(context),
    deployments: () => deploymentSteps(context),
    details: () => detailSteps(context),
    walk: () => walkSteps(context),
    handout: () => handoutSteps(context),
    accessibility: () => accessibilitySteps(context),
  };
  const wanted = process.argv.slice(2);
  for (const [name, run] of Object.entries(parts)) if (!wanted.length || wanted.includes(name)) await run();
} finally {
  await browser.close();
  await service.end();
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
