// @ts-check
// Texts that several pages show.

/** @import { Value } from "../../types.d.ts" */

// The attendee API.
export const theServiceReturnedStatus = (/** @type {Value} */ status) => `The service returned status ${status}.`;
export const theServiceCannotBe = "The service cannot be reached.";

// The details of one attendee.
export const limits = "Limits";
export const access = "Access";
export const nameLabel = "Name";
export const endpoint = "Endpoint";
export const actions = "Actions";
export const deleteButton = "Delete";
export const addDeployment = "Add deployment";
export const close = "Close";

// A button that copies text to the clipboard.
export const copy = "Copy";
export const copied = "Copied";
export const selectTheTextAnd = "Select the text and copy it";

// The form to add or edit a deployment.
export const model = "Model";
export const tokensPerMinute = "Tokens per minute";
export const requestsPerMinute = "Requests per minute";
export const maxOutputTokens = "Max output tokens";
export const cancel = "Cancel";

// The organiser's deployments.
export const edit = "Edit";

// Error messages with advice.
export const fieldNamed = (/** @type {Value} */ param) => `Field: ${param}.`;
export const fieldsNeedAChange = (/** @type {Value} */ count) => `${count} fields need a change. They are marked below.`;
export const tryAgain = "Try again";
export const tryAgainInS = (/** @type {Value} */ left) => `Try again in ${left} s`;

// The header of the attendee page.

// The form to create or edit an event.
export const createEvent = "Create event";
export const newEvent = "New event";
export const code = "Code";
export const off = "Off";

// The head of an event.
export const handout = "Handout";

// The roster of an event.
export const remove = "Remove";

// The signed tokens that an event issued to single attendees.
export const revoke = "Revoke";
export const expires = "Expires";

// Durations and times for people.
export const pausedByTheOrganiser = "Paused by the organiser";
export const ended = "Ended";
export const startsIn = (/** @type {Value} */ starts) => `Starts in ${starts}`;
export const liveEndsIn = (/** @type {Value} */ ends) => `Live, ends in ${ends}`;

// In the order in which they are shown.
/** @type {Record<string, string>} */
export const LIMIT_NAMES = {
  tokens_total: "total tokens",
  tokens_per_day: "tokens per day",
  tokens_per_minute: "tokens per minute",
  requests_per_day: "requests per day",
  requests_per_minute: "requests per minute",
  in_flight: "concurrent requests",
  images_total: "images",
  audio_seconds_total: "audio seconds",
  characters_total: "text-to-speech characters",
  video_seconds_total: "video seconds",
  usd_total: "US dollars",
  usd_per_day: "US dollars per day",
};

/** @type {Record<string, string>} */
export const OPERATION_NAMES = {
  chat_completions: "chat", completions: "legacy completions", embeddings: "embeddings", responses: "responses",
  images_generations: "images", images_edits: "image edits", audio_transcriptions: "transcription",
  audio_translations: "audio translation", audio_speech: "text to speech", moderations: "moderation",
  messages: "Claude", conversations: "conversations", files: "files", vector_stores: "vector stores", assistants: "assistants", threads: "threads", videos: "videos",
  containers: "containers",
};

/** @type {Record<string, string>} */
export const ADVICE = {
  invalid_event_code: "Compare the code with the slide, or ask the organiser.",
  event_not_started: "Come back when the event starts. This page will work then.",
  event_ended: "The code of an event stops working when the event ends.",
  event_paused: "The organiser has paused the event. Try again later.",
  attendee_blocked: "Ask the organiser.",
  event_full: "Use the user name that you joined with, or ask the organiser for more seats.",
  not_on_roster: "Enter your name as it is on the organiser's roster.",
  registration_required: "Register below, then use your own key.",
  already_registered: "Enter the passphrase that you registered with, or choose another user name.",
  model_not_found: "Choose one of the event's models.",
  allowance_too_small: "Shorten the conversation or lower the max output tokens. Waiting does not help.",
  content_filter: "Azure's content filter blocked this. Rephrase your message.",
  request_too_large: "Shorten the conversation or use a smaller image.",
  rate_limit_exceeded: "You have reached your limit for this minute. Wait, then send it again.",
  too_many_in_flight: "Wait for a response before you send the next request.",
  insufficient_quota: "Your limits are listed under Usage and limits. The organiser can raise them.",
  upstream_busy: "The event has reached the model's rate limit. This request does not count. Wait, then send it again.",
  upstream_unreachable: "Try again.",
  upstream_timeout: "Try again, or ask for a shorter response.",
  accounting_unavailable: "Nothing was sent. Try again in a few seconds.",
  upstream_misconfigured: "The model is misconfigured. Tell the organiser.",
  internal_error: "Try again. If it keeps failing, give the organiser the request ID below.",
  unreachable: "Check your internet connection, then try again.",
  unexpected: "Reload the page and try again.",
};

/**
 * What happened, for errors whose text in the API is written for programs.
 *
 * @type {Record<string, string>}
 */
export const WHAT_HAPPENED = {
  invalid_event_code: "This event code is not known.",
  invalid_organiser_token: "This organiser token is not known, or was revoked.",
};

/** @typedef {"day" | "hour" | "minute" | "second"} Unit */

/** @type {Record<Unit, string>} */
export const UNIT_SYMBOLS = { day: "d", hour: "h", minute: "min", second: "s" };

/** @type {Record<Unit, [string, string]>} */
const UNITS = { day: ["day", "days"], hour: ["hour", "hours"], minute: ["minute", "minutes"], second: ["second", "seconds"] };
export const durationIn = (/** @type {number} */ count, /** @type {Unit} */ unit) => `${count} ${UNITS[unit][count === 1 ? 0 : 1]}`;
export const requestsLimit = "requests";
export const none = "none";
export const api = "API";

// In the HTML of the pages.
export const skipToContent = "Skip to content";
export const signOut = "Sign out";
export const loading = "Loading…";
