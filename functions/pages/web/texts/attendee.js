// @ts-check
// Texts of the attendee page.

/** @import { Value } from "../../types.d.ts" */

import { number } from "../locale.js";

// The attendee page.
export const checkAgain = "Check again";
export const continueToEvent = "Continue";
export const youWillJoinAs = "You will join as ";
export const writeYourNameIn = "Write your name in Latin letters.";
export const signedInAs = (/** @type {Value} */ user) => `Signed in as ${user}`;
export const switchEventOrUser = "Switch event or user";
export const switchTo = "Switch";
export const youAreSignedUp = "You are signed up. This page opens by itself when the event starts.";
export const thisPageContinuesBy = "This page continues by itself when the organiser resumes the event.";
export const theCodeHasStopped = "The code has stopped working.";
export const seeWhatYouUsed = "See what you used";
export const showMyUsage = "Show my usage";
export const nothingWasUsedBy = (/** @type {Value} */ user) => `Nothing was used under the name ${user}. Enter the name that you had at the event.`;

// The header of the attendee page.
export const organisedBy = "Organised by ";

// An attendee's limits and what remains of them.
export const noPersonalLimitsAre = "No personal limits are set.";
export const moreLimits = (/** @type {number} */ count) => `${count} more ${count === 1 ? "limit" : "limits"}`;
export const thisEventHasNo = "This event has no models yet.";
export const theyCostAbout = (/** @type {Value} */ usd) => ` They cost about ${usd}.`;
export const youHaveUsedTokens = (/** @type {number} */ totalTokens, /** @type {number} */ requests, /** @type {Value} */ cost) => `You have used ${number(totalTokens)} tokens in ${number(requests)} ${requests === 1 ? "request" : "requests"}.${cost}`;
export const resetsIn = (/** @type {Value} */ wait) => `; resets in ${wait}`;
export const ofModel = " of ";
export const amountLeft = (/** @type {Value} */ remaining, /** @type {Value} */ allowed) => `${remaining} of ${allowed} left`;
export const isDefault = " (default)";
export const defaultFor = (/** @type {Value} */ defaults) => ` (default for ${defaults})`;
export const isYourOwn = " (your own)";

// Registration.
export const getMyKey = "Get my key";
export const keyFor = (/** @type {Value} */ user) => `Key for ${user}`;
export const enterYourPassphrase = "Enter the passphrase that you registered with, to see what you used.";
export const atThisEventEvery = "At this event, every attendee has their own key. Choose a passphrase. You need it to see your key again.";
export const passphrase = "Passphrase";
export const atLeast12Characters = "At least 12 characters. Nobody can recover it if you forget it.";
export const thisIsYourKey = "This is your key. The code examples below already use it.";

// The configuration of a coding tool or SDK, as the service writes it.
export const chooseATool = "Choose a tool";
export const saveAs = "Save as ";
export const downloadFile = (/** @type {Value} */ name) => `Download ${name}`;
export const configurationForATool = "Configuration for a tool";
export const setTheKeyFirst = "The configuration takes your key from the environment. Set it in the terminal in which you start the tool:";
export const inPowershell = "In PowerShell: ";

/**
 * The names of tools, by the name of their configuration.
 *
 * @type {Record<string, string>}
 */
export const TOOL_NAMES = {
  "agent-framework": "Agent Framework", "ai-sdk": "Vercel AI SDK", aider: "aider", anthropic: "Anthropic SDK", "azure-ai-projects": "Azure AI Projects SDK",
  "azure-openai": "Azure OpenAI SDK", "claude-code": "Claude Code", cline: "Cline", codex: "Codex", continue: "Continue", copilot: "Copilot CLI",
  "copilot-claude": "Copilot CLI with Claude", kilo: "Kilo Code", langchain: "LangChain", llm: "llm", mastra: "Mastra", openai: "OpenAI SDK",
  "openai-agents": "OpenAI Agents SDK", opencode: "opencode", pi: "pi", "pi-claude": "pi with Claude", "qwen-code": "Qwen Code", "semantic-kernel": "Semantic Kernel",
};

// Code examples with the attendee's base URL, credential and model.
export const baseUrlLabel = "Base URL";
export const apiKeyLabel = "API key";
export const whoeverHasTheKey = "Whoever has the key uses your allowance.";
export const downloadEnv = "Download .env";
export const containsTheSameValues = "Contains the same values as environment variables. Rename lanyard.env to .env and keep it out of your repository.";
export const countOfModels = (/** @type {number} */ count) => `${number(count)} ${count === 1 ? "model" : "models"}`;
export const remainingOf = (/** @type {string} */ limits) => `Remaining: ${limits}.`;
export const remainingOfLimit = (/** @type {Value} */ left, /** @type {Value} */ allowed, /** @type {string} */ limit) =>
  `${left} of ${allowed} ${limit}`;
export const requestsAndModels = (/** @type {number} */ tokens, /** @type {number} */ choices) =>
  "A request that names no model uses the default model. "
  + `A response has at most ${number(tokens)} tokens per choice, fewer where the model writes less, `
  + `and at most ${number(choices)} ${choices === 1 ? "choice" : "choices"}. `
  + "A token is about four characters of English text. Both the prompt and the response count.";
export const examplePrompt = "Say hello in five languages";
export const languagesAndTools = "Languages and tools";

// In the HTML of the pages.
export const attendeeTitle = "Your event · Lanyard";
export const pageNeedsJavascript = "This page needs JavaScript. You can use the API without it; the documentation shows how.";
export const yourEvent = "Your event";
export const join = "Join";
export const eventCode = "Event code";
export const eventCodeHint = "The organiser shows it on a slide or a handout.";
export const userNameLabel = "User name";
export const userNameHint = "For example your GitHub name. Your usage limits are tracked under this name. ";
export const rememberMe = "Remember me on this device";
export const useTheApi = "Use the API";
export const playgroundTitle = "Playground";
export const usageAndLimits = "Usage and limits";
export const refresh = "Refresh";
