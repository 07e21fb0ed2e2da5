// @ts-check
// Tests of modules that need no browser, and of the vendored file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cell, csv } from "../../functions/pages/web/csv.js";
import { decoded, guess, namesOf, rowsOf } from "../../functions/pages/web/roster-csv.js";
import * as t from "../../functions/pages/web/texts.js";
import { budgetEnd, burnDown, lastMinute, minutePoints, minuteTimes, startOfDay } from "../../functions/pages/web/rates.js";
import { shareHint, shareOf } from "../../functions/pages/web/event-shares.js";
import { transliterated } from "../../functions/pages/web/transliterate.js";
import { webAddress } from "../../functions/pages/web/markdown.js";
import { shortDuration, duration } from "../../functions/pages/web/time.js";

/** @import { Step } from "./fixture.mjs" */

/** @type {{ name: string, text: string, encoding?: string, users: string[], notes?: [number, string, string][], fault?: number | "workbook" }[]} */
const ROSTERS = JSON.parse(readFileSync(new URL("../../shared/administration/src/roster_csv/cases.json", import.meta.url), "utf8"));

/**
 * A file of a text.
 *
 * @param {string} text
 * @param {string} encoding
 */
function encoded(text, encoding) {
  if (encoding === "bytes") return Buffer.from(text, "latin1");
  if (encoding === "utf-8") return Buffer.from(text, "utf8");
  const bytes = Buffer.from(text, "utf16le");
  return encoding === "utf-16be" ? bytes.swap16() : bytes;
}

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
  await step("files of spreadsheets and classrooms have the users that the command line finds", async () => {
    for (const { name, text, encoding = "utf-8", users, notes = [], fault } of ROSTERS) {
      const read = () => {
        const rows = rowsOf(decoded(encoded(text, encoding)));
        return namesOf(rows, guess(rows), transliterated);
      };
      if (fault !== undefined) {
        assert.throws(read, { message: fault === "workbook" ? t.isAWorkbook : t.lineUnclosedQuote(fault) }, name);
        continue;
      }
      const found = read();
      assert.deepEqual(found.users.map((user) => user.toLowerCase()), users, name);
      const said = notes.map(([line, kind, of]) => {
        if (kind === "no user") return t.lineNoName(line, of);
        if (kind === "twice") return t.lineIsThereTwice(line, of).toLowerCase();
        if (kind === "spelt") return t.lineBecomes(line, of, transliterated(of) ?? "");
        return of.length > 128 ? t.lineTheNameIs(line) : t.lineCannotBeWritten(line, of);
      });
      assert.deepEqual(found.problems.map((each) => (each.endsWith("twice") ? each.toLowerCase() : each)), said, name);
    }
  });
  await step("an attendee's share of a budget is that of the service, and a total that was set stays", async () => {
    assert.deepEqual([shareOf("tokens_total", 255, 20), shareOf("tokens_total", 10, 1), shareOf("usd_total", 20, 100), shareOf("usd_total", 1e-9, 100)], [25, 10, 0.4, 1e-9]);
    const hint = (/** @type {number | null} */ each, /** @type {number | null} */ total, typed = each) => {
      const event = /** @type {any} */ ({ attendees: 100, allowances: { event: { usd_total: 20 }, attendee: { usd_total: each } } });
      return shareHint(event, "usd_total", { total, attendees: 100, each: typed });
    };
    assert.equal(hint(0.4, 50), `${t.shareFollows("$1.00")} ${t.noShareBelowOneRequest}`);
    assert.equal(hint(0.4, 10), `${t.shareFollows("$0.20")} ${t.whoUsedMoreIsRefused} ${t.noShareBelowOneRequest}`);
    assert.equal(hint(0.4, null), t.shareFollows(t.noLimit));
    assert.equal(hint(7, 50), t.shareStays("$1.00", 100));
    assert.deepEqual([hint(0.4, 20), hint(0.4, 50, 3)], ["", ""]);
    assert.equal(shareHint(null, "usd_total", { total: 50, attendees: 100, each: null }), `${t.shareIfEmpty("$1.00")} ${t.noShareBelowOneRequest}`);
    assert.equal(shareHint(null, "usd_total", { total: null, attendees: 100, each: null }), t.twiceTheFairShare);
  });
  await step("a roster is read from a column of email addresses, and with any header", async () => {
    const read = (/** @type {string} */ text) => {
      const rows = rowsOf(text);
      return namesOf(rows, guess(rows), transliterated);
    };
    assert.deepEqual(read("sep=;\nNr;Name;E-Mail\n1;J\u00f8rgen;j@example.org\n2;Ada;a@example.org\n").users, ["j@example.org", "a@example.org"]);
    assert.deepEqual(read("Nr;Name\n1;\"B; \"\"x\"\"\"\n").users, ["B; \"x\""]);
    const rows = rowsOf("a\tb\n1\t\"two\nlines\"\n3\t4\n");
    assert.deepEqual(rows.map(({ line, cells }) => [line, cells]), [[1, ["a", "b"]], [2, ["1", "two\nlines"]], [4, ["3", "4"]]]);
    assert.deepEqual(namesOf(rows, { column: 1, hasHeader: true }, transliterated).users, ["4"]);
  });
  await step("a name is written in Latin letters, or not at all", async () => {
    /** @type {[string, string | null][]} */
    const names = [["ada", "ada"], ["J\u00f8rgen \u00c5s", "Jorgen Aas"], ["M\u00fcller-Stra\u00dfe", "Mueller-Strasse"], ["Zo\u00eb", "Zoe"], ["\u041d\u0430\u0442\u0430\u0448\u0430", "Natasha"],
      ["\u0394\u03b7\u03bc\u03ae\u03c4\u03c1\u03b7\u03c2", "Dimitris"], ["\uff21\uff24\uff21", "ADA"], ["\u674e", null], ["", null]];
    for (const [written, expected] of names) assert.equal(transliterated(written), expected, written);
  });
  await step("rates and forecasts follow from the history", async () => {
    const now = Date.parse("2026-12-05T10:00:15Z");
    const row = (/** @type {string} */ minute, /** @type {number} */ tokens) => ({ minute, requests: tokens / 10, total_tokens: tokens });
    const minutes = [row("2026-12-05T09:59:00Z", 400), row("2026-12-05T10:00:00Z", 100)];
    assert.deepEqual(lastMinute(minutes, now), { requests: 40, tokens: 400 });
    assert.deepEqual(lastMinute([], now), { requests: 0, tokens: 0 });
    const points = minutePoints(minutes, "total_tokens", now);
    assert.deepEqual([points.length, points.at(-2)?.[1], points.at(-1)?.[1]], [60, 400, 100]);
    const timed = [{ ...row("2026-12-05T09:58:00Z", 0), first_byte: { p50_ms: 75, p95_ms: 300 } }, ...minutes];
    assert.deepEqual(minuteTimes(timed, "p95_ms"), [[Date.parse("2026-12-05T09:58:00Z"), 300]]);
    assert.equal(new Date(startOfDay("Europe/Oslo", now)).toISOString(), "2026-12-04T23:00:00.000Z");
    const event = /** @type {any} */ ({ allowances: { event: { tokens_total: 10_000 } }, starts_at: "2026-12-05T08:00:15Z", time_zone: "UTC" });
    const hours = /** @type {any[]} */ ([{ hour: "2026-12-05T08:00:00Z", total_tokens: 1_000 }, { hour: "2026-12-05T09:00:00Z", total_tokens: 1_000 }]);
    assert.deepEqual(budgetEnd(event, "tokens_total", hours, 2_000, now), { at: now + 8 * 3_600_000, perHour: 1_000 });
    assert.equal(budgetEnd(event, "tokens_total", hours, 10_000, now)?.at, now);
    assert.equal(budgetEnd(event, "tokens_total", [], 0, now)?.at, null);
    assert.equal(budgetEnd(event, "usd_total", hours, 0, now), null);
    const left = burnDown(event, hours, now).map(({ name, points }) => [name, ...points.map(([, percent]) => percent)]);
    assert.deepEqual(left, [["tokens left", 100, 90, 80]]);
  });
}
