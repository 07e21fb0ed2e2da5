// @ts-check
// Tests the pages in a real browser against the local service, as an attendee and as an organiser.
//
//     node tests/browser/run.mjs
//
// Prints `ok NAME` or `FAIL NAME: why` for each step and ends with an exit code. Screenshots go to target/screenshots.
// `.ci/run browser` installs what it needs and calls this.

import { attendee } from "./attendee.mjs";
import { startBrowser, startService } from "./fixture.mjs";
import { modules } from "./modules.mjs";
import { organiserSteps } from "./organiser.mjs";
import { snippets } from "./snippets.mjs";

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
  await modules(step);
  await attendee({ browser, service, step });
  await snippets({ browser, service, step });
  await organiserSteps({ browser, service, step });
} finally {
  await browser.close();
  await service.end();
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
