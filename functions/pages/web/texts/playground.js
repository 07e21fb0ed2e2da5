// @ts-check
// Texts of the playground.

/** @import { Value } from "../../types.d.ts" */

import { number } from "../locale.js";

// Images to send.
export const imageToSend = (/** @type {Value} */ index) => `Image ${index} to send`;
export const theImageCouldNot = "The image could not be read. Try a PNG or JPEG file.";

// Renders Markdown from the tokens of marked's lexer.
export const done = "Done";
export const tableLabel = "Table";

// The elements of the playground's turns.
export const you = "You: ";
export const imageYouSent = "Image you sent";
export const editMessage = "Edit message";
export const send = "Send";
export const waitingForTheResponse = "Waiting for the response";
export const reasoningSummary = "Reasoning summary";
export const modelIs = "Model: ";
export const called = "Called ";
export const retry = "Retry";
export const resultOf = (/** @type {Value} */ name) => `Result of ${name}`;
export const theModelCalls = "The model calls ";
export const sendResult = "Send result";
export const goodResponse = "Good response";
export const badResponse = "Bad response";
export const generatedImage = (/** @type {Value} */ index) => `Generated image ${index}`;
export const download = "Download";
export const inputTokenCount = (/** @type {number} */ promptTokens) => `${number(promptTokens)} input tokens`;
export const outputTokenCount = (/** @type {number} */ completionTokens) => `${number(completionTokens)} output tokens`;
export const firstTokenAfter = (/** @type {Value} */ firstTokenMs) => `first token after ${firstTokenMs}`;
export const totalTime = (/** @type {Value} */ totalMs) => `${totalMs} total`;
export const stoppedAtTheMax = "stopped at the max output tokens";
export const stoppedByAzuresContent = "stopped by Azure's content filter";
export const stoppedUsageIsEstimated = "stopped; usage is estimated";
export const withoutTheToolsWhich = (/** @type {Value} */ droppedTools) => `without the tools ${droppedTools}, which the event does not allow`;
export const theEventAllowsAt = (/** @type {Value} */ cap) => `the event allows at most ${cap} output tokens`;

// The settings of the playground, and the requests that follow from them.
export const temperature = "Temperature";
export const lowerIsMorePredictable = "Lower is more predictable, higher is more varied. Leave empty for the model's default.";
export const theEventAllowsAtMost = (/** @type {Value} */ maxCompletionTokens) => `The event allows at most ${maxCompletionTokens}.`;
export const reasoningEffort = "Reasoning effort";
export const modelsDefault = "Model's default";
export const minimal = "Minimal";
export const low = "Low";
export const medium = "Medium";
export const high = "High";
export const forModelsThatReason = "For models that reason.";
export const show = "Show";
export const usesTheResponsesApi = "Uses the Responses API. For models that reason and serve it.";
export const systemPrompt = "System prompt";
export const functions = "Functions";
export const aJsonListOf = "A JSON list of functions that the model may call. You enter the function results yourself.";
export const settings = "Settings";
export const theFunctionsAreNot = (/** @type {Value} */ value) => `The functions are not valid JSON: ${value}`;
export const eachFunctionNeedsA = "Each function needs a name.";

// A chat with the event's models.
export const thisEventHasNoModel = "This event has no model for the playground.";
export const conversation = "Conversation";
export const jumpToTheEnd = "Jump to the end";
export const askSomething = "Ask something";
export const message = "Message";
export const image = "Image";
export const stop = "Stop";
export const addImage = "Add image";
export const enterSendsShiftEnter = "Enter sends, Shift+Enter starts a new line. You can also paste or drop images.";
export const showCode = "Show code";
export const newConversation = "New conversation";
export const responseComplete = "Response complete.";
export const stopped = "Stopped.";
export const hello = "Hello";
export const codeForThisConversation = "Code for this conversation";
export const languages = "Languages";
