// @ts-check
// Tests of modules that need no browser, and of the vendored file.

import assert from "node:assert/strict";
import { cell, csv } from "../../functions/pages/web/csv.js";
import { webAddress } from "../../functions/pages/web/markdown.js";
import { shortDuration, duration } from "../../functions/pages/web/time.js";

/** @import { Step } from "./fixture.mjs" */

/** @param {Step} step */
export async function modules(step) {
  await step("no name becomes a formula in a spreadsheet", async () => {
    for (const name of ["=1+1", "+1", "-1", "@sum", " =1+1", "\t=1", "\r=1"]) {
      assert.match(cell(name), /^"?'/, JSON.stringify(name));
    }
    /** @type {[string | number | null, string][]} */
    const cells = [["ada", "ada"], [12, "12"], [-3, "-3"], ["a,b", "\"a,b\""], ["a\"b", "\"a\"\"b\""], [null, ""], ["a;b", "\"a;b\""]];
    for (const [value, expected] of cells) {
      assert.equal(cell(value), expected);
    }
    assert.equal(csv(["user"], [["=x,y"]]), "\ufeffuser\r\n\"'=x,y\"\r\n");
  });
  await step("only http and https are addresses that a link may lead to", async () => {
    assert.equal(webAddress("https://example.org/a"), "https://example.org/a");
    for (const text of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "/a", "file:///etc/passwd"]) {
      assert.equal(webAddress(text), null, text);
    }
  });
  await step("a duration is written in two units", async () => {
    assert.deepEqual([0, 1, 59, 61, 3600, 90_061].map(duration), ["0 seconds", "1 second", "59 seconds", "1 minute 1 second", "1 hour", "1 day 1 hour"]);
    assert.deepEqual([0, 56, 61, 90_061].map(shortDuration), ["0 s", "56 s", "1 min 1 s", "1 d 1 h"]);
  });
}
