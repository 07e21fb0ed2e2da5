// @ts-check
// Bundles each page of `web` into one script and one style sheet in `assets`, and puts the texts into its HTML.
//
//     node build.mjs          writes the bundles
//     node build.mjs --check  fails if the committed bundles differ
//
// The bundles are committed, so that `cargo build` needs no Node. `build.rs` compresses them.

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { LANGUAGE } from "./web/locale.js";
import * as texts from "./web/texts.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PAGES = ["attendee", "dashboard", "docs", "handout"];
/** Written by `cargo run -p xtask -- generate`. */
const FOREIGN = ["openapi.json"];
const isCheck = process.argv.includes("--check");

/**
 * The bundles by name.
 *
 * @returns {Promise<Map<string, Uint8Array>>}
 */
async function bundles() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: PAGES.flatMap((page) => [`web/${page}.js`, `web/${page}.css`]),
    outdir: "assets",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2023",
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    write: false,
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  const text = (/** @type {string} */ content) => new TextEncoder().encode(content);
  for (const page of PAGES) files.set(`${page}.html`, text(withTexts(`${page}.html`)));
  files.set("licenses.txt", text(licenses(Object.keys(metafile.inputs))));
  return files;
}

/**
 * A page with `{{language}}` and each `{{t.name}}` replaced. `{{version}}` stays for `build.rs`.
 *
 * @param {string} page
 */
function withTexts(page) {
  const named = /** @type {Record<string, unknown>} */ (texts);
  return readFileSync(`${HERE}web/${page}`, "utf8")
    .replaceAll("{{language}}", LANGUAGE)
    .replaceAll(/\{\{t\.(\w+)\}\}/g, (_, name) => {
      const words = named[name];
      if (typeof words !== "string") throw new Error(`${page} shows ${name}, which web/texts.js does not have`);
      return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("\"", "&quot;");
    });
}

/**
 * The licences of the packages that are part of a bundle.
 *
 * @param {string[]} inputs
 */
function licenses(inputs) {
  const names = new Set(inputs.flatMap((input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []));
  return [...names].sort().map((name) => {
    const folder = `${HERE}node_modules/${name}`;
    const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const file = readdirSync(folder).sort().find((each) => /^licen[cs]e(-mit)?(\.\w+)?$/i.test(each) && hasTerms(`${folder}/${each}`));
    if (!file) throw new Error(`${name} has no licence file`);
    return `${name} ${version}\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n`;
  }).join("\n\n");
}

/** @param {string} path */
function hasTerms(path) {
  return readFileSync(path, "utf8").includes("Permission is hereby granted");
}

const files = await bundles();
const present = readdirSync(`${HERE}assets`).filter((name) => !FOREIGN.includes(name));
const stale = present.filter((name) => !files.has(name));
const changed = [...files].filter(([name, content]) => !present.includes(name) || !readFileSync(`${HERE}assets/${name}`).equals(content));
if (isCheck) {
  const wrong = [...stale, ...changed.map(([name]) => name)];
  if (wrong.length) {
    console.error(`functions/pages/assets is not what \`make pages\` builds: ${wrong.join(", ")}`);
    process.exitCode = 1;
  }
} else {
  for (const name of stale) rmSync(`${HERE}assets/${name}`);
  for (const [name, content] of changed) writeFileSync(`${HERE}assets/${name}`, content);
  console.log(changed.length ? changed.map(([name, { length }]) => `${name} ${length}`).join("\n") : "nothing changed");
}
