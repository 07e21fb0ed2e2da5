// @ts-check
// Texts of the handout and the API reference.

/** @import { Value } from "../../types.d.ts" */

import { number } from "../locale.js";

// The API reference, rendered from openapi.json.
export const theApiDescriptionCould = "The API description could not be loaded. Reload the page.";
export const baseUrl = "Base URL: ";
export const authentication = "Authentication";
export const noAuthenticationNeeded = "No authentication needed.";
export const parameters = "Parameters";
export const inThe = (/** @type {Value} */ value, /** @type {Value} */ schema) => ` in the ${value}, ${schema}. `;
export const requestBody = "Request body";
export const response = "Response";

// The handout of an event.
export const dashboard = "dashboard";
export const thisTabHasNo = "This tab has no organiser token. Open the handout from an event in the ";
export const backToThe = "Back to the ";
export const handoutOf = (/** @type {Value} */ name) => `Handout · ${name}`;
export const underlinedCharactersAreDigits = (/** @type {Value} */ hint) => `Underlined characters are digits. Upper and lower case are the same. ${hint}`;
export const scanToJoin = "Scan to join";
export const orOpen = "Or open ";
export const andEnterTheCode = " and enter the code. API base URL: ";
export const apiKey = ", API key: ";
export const modelsAre = "Models: ";
export const configurationFilesOfCoding = "Configuration files of coding tools and SDKs: ";
export const listsThem = " lists them.";
export const rules = "Rules";
export const questions = "Questions: ";
export const theCodeWorksOnly = "The code works only during the event. Always use the same user name.";
export const registerOnTheAttendee = "Register on the attendee page first to get your own key.";
export const useYourNameAs = "Use your name as it is on the organiser's roster.";
export const eachAttendeeHas = (/** @type {Value} */ limits) => `Each attendee has ${limits}.`;
export const aResponseHasAt = (/** @type {number} */ maxCompletionTokens) => `A response has at most ${number(maxCompletionTokens)} tokens.`;
export const doNotShareThe = "Do not share the code or commit it to a repository. Your input is sent to Azure OpenAI: do not send secrets or personal data.";
export const qrCodeOfThe = "QR code of the attendee page";
export const modelPlaceholder = "MODEL";
export const keyPlaceholder = "YOUR-OWN-KEY";
export const namePlaceholder = "YOUR-NAME";
export const anything = "anything";
export const or = " or ";
export const listOf = (/** @type {string} */ type) => `list of ${type}`;

/**
 * How a character that is easy to misread is read.
 *
 * @type {Record<string, string>}
 */
export const LETTER_HINTS = { 0: "0 is zero", 1: "1 is one", l: "l is a letter, as in lamp", i: "i is a letter, as in ink", o: "o is a letter, as in oak" };

// In the HTML of the pages.
export const apiLanyard = "API · Lanyard";
export const handoutLanyard = "Handout · Lanyard";
export const showAsSlide = "Show as slide";
export const print = "Print";
export const exitSlide = "Exit slide (Esc)";
