// @ts-check
// Every text that the pages show. A translation changes these files and the language in `locale.js`, and no others.
//
// Each text is an export of its own, so that a page has only those that it shows.

export * from "./texts/common.js";
export * from "./texts/attendee.js";
export * from "./texts/playground.js";
export * from "./texts/event.js";
export * from "./texts/settings.js";
export * from "./texts/handout.js";
