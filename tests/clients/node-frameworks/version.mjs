// The version of a package that is installed beside this file.

import { readFileSync } from "node:fs";

/** The version in the package's description. */
export function version(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}
