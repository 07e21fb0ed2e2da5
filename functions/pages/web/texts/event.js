// @ts-check
// Texts of the dashboard's list and view of events.

/** @import { Value } from "../../types.d.ts" */

import { number } from "../locale.js";

// The details of one attendee.
export const saved = "Saved.";
export const noLimit = "no limit";
export const setForThisAttendee = "Set for this attendee.";
export const theEventsLimit = "The event's limit.";
export const saveLimits = "Save limits";
export const doubleAllLimitsButton = "Double all limits…";
export const resetLimits = "Reset limits";
export const doubleAllLimitsOf = (/** @type {Value} */ user) => `Double all limits of ${user}?`;
export const doubleLimits = "Double limits";
export const thisKeyIsFor = (/** @type {Value} */ user, /** @type {Value} */ until) => `This key is for ${user} only and works until ${until}. It is shown only once.`;
export const onlyTheSeatOf = "Only the seat of an attendee who has used nothing can be freed.";
export const freeTheSeatOf = (/** @type {Value} */ user) => `Free the seat of ${user}?`;
export const freeSeat = "Free seat";
export const removeAttendee = (/** @type {Value} */ user) => `Remove ${user}?`;
export const theirBlockAndLimits = "They have not come yet. Their block and their own limits are removed.";
export const refusedNow = "Requests are refused now";
export const until = (/** @type {Value} */ time) => `, until ${time}`;
export const tooLittle = ", too little for requests without a small output limit";
export const theirKeyStopsWorking = "Their key stops working. Anyone with the code can then claim this name.";
export const deleteTheRegistrationOf = (/** @type {Value} */ user) => `Delete the registration of ${user}?`;
export const deleteRegistration = "Delete registration";
export const theRegistrationWasDeleted = "The registration was deleted.";
export const status = "Status";
export const blocked = "Blocked";
export const joined = "Joined";
export const notJoined = "Not joined";
export const notYet = "Not yet";
export const requests = "Requests";
export const inputTokens = "Input tokens";
export const outputTokens = "Output tokens";
export const cost = "Cost";
export const inProgress = "In progress";
export const tokensReserved = (/** @type {number} */ inFlight, /** @type {number} */ heldTokens) => `${number(inFlight)} (${number(heldTokens)} tokens reserved)`;
export const noRecordsAreKept = "This event keeps no request records.";
export const recordsOfRequests = (/** @type {number} */ known, /** @type {number} */ all) => `${number(known)} of ${number(all)} requests. The records of the others are gone.`;
export const rejectedRequests = "Rejected requests";
export const unblock = "Unblock";
export const block = "Block";
export const issuePersonalKey = "Issue personal key";
export const deploymentsOfThisAttendee = "Deployments of this attendee";
export const lastTime = "Last time";
export const reason = "Reason";
export const noneAtAll = "None.";
export const deleteNamed = (/** @type {Value} */ name) => `Delete ${name}`;

// The audit log of an event.
export const auditLogTable = "Audit log table";
export const fromValue = " from ";
export const toValue = " to ";
export const fields = (/** @type {Value} */ count) => `${count} fields`;
export const time = "Time";
export const action = "Action";
export const organiser = "Organiser";
export const changes = "Changes";
export const auditLog = "Audit log";

// Line and bar charts in SVG.
export const noDataYet = "No data yet.";
export const ofLimit = (/** @type {number} */ value) => ` of ${number(value)}`;
export const valuesUseTheArrow = "Values: use the arrow keys";
export const aboveThisChart = " (above this chart)";
export const noneYet = "None yet.";

// The attendees of an event.
export const tokensHead = "Tokens";
export const filter = "Filter";
export const allOfThem = "All";
export const sentRequests = "Sent requests";
export const sentNothing = "Sent nothing";
export const ownLimits = "Own limits";
export const selectAllThatAre = "Select all that are found";
export const noAttendeesYet = "Nobody has joined yet.";
export const noAttendeeMatches = "No attendee matches the search and the filter.";
export const foundOf = (/** @type {number} */ count, /** @type {number} */ count2) => `${number(count)} of ${number(count2)}`;
export const previous = "Previous";
export const pageOf = (/** @type {Value} */ page, /** @type {Value} */ total) => `Page ${page} of ${total}`;
export const next = "Next";
export const selected = (/** @type {number} */ count) => `${number(count)} selected`;
export const doubleAllLimits = "Double all limits";
export const clearSelection = "Clear selection";
export const isBlocked = (/** @type {Value} */ user) => `${user} is blocked. `;
export const isUnblocked = (/** @type {Value} */ user) => `${user} is unblocked. `;
export const undo = "Undo";
export const progress = (/** @type {Value} */ label, /** @type {number} */ done, /** @type {number} */ count) => `${label}: ${number(done)} of ${number(count)}`;
export const ofWereChanged = (/** @type {number} */ done, /** @type {number} */ count) => `${number(done)} of ${number(count)} were changed.`;
export const attendeesTitle = "Attendees";
export const search = "Search";
export const exportCsv = "Export CSV";
export const attendeesTable = "Attendees table";
export const details = "Details";
export const select = (/** @type {Value} */ user) => `Select ${user}`;
export const blockedBadge = " blocked";
export const notJoinedYet = "not yet";
export const customLimits = (/** @type {Value} */ count) => `${count} custom limits`;
export const customLimitNames = (/** @type {Value} */ ownLimits) => `custom: ${ownLimits}`;
export const eventDefault = "event default";

// The head of an event.
export const codeIs = "Code ";
export const copyCode = "Copy code";
export const copyPageLink = "Copy page link";
export const resume = "Resume";
export const pause = "Pause";
export const extendBy1Hour = "Extend by 1 hour";
export const attendeePage = "Attendee page";
export const clone = "Clone";
export const rotateCode = "Rotate code";
export const revokeAllKeys = "Revoke all keys";
export const resetUsage = "Reset usage";
export const endNow = "End now";
export const rotateTheCode = "Rotate the code?";
export const theOldCodeWorks = "The old code works for another 15 minutes. Signed personal keys keep working.";
export const endTheEventNow = "End the event now?";
export const itsCodeStopsWorking = "Its code stops working for everyone. To reopen the event, edit its end.";
export const endEvent = "End event";
export const theEventIsPaused = "The event is paused. Requests are rejected within ten seconds.";
export const theEventIsLive = "The event is live again.";
export const theCodeWasRotated = "The code was rotated.";
export const theEventHasEnded = "The event has ended.";
export const theEventEndsOne = "The event ends one hour later.";
export const everyPersonalKeyAnd = "Every personal key and signed token stops working. Attendees must register again, or get new ones from you. The event code keeps working.";
export const revokeAllKeysQuestion = "Revoke all keys?";
export const revokeAll = "Revoke all";
export const allPersonalKeysWere = "All personal keys were revoked.";
export const useThisAfterA = "Use this after a rehearsal. Tokens, requests, errors, sessions, ratings and the list of attendees start at zero.";
export const settingsBlocksLimitsOf = "Settings, blocks, limits of single attendees, the roster and keys stay. It cannot be undone.";
export const deleteTheUsageOf = (/** @type {Value} */ name) => `Delete the usage of ${name}?`;
export const deleteUsage = "Delete usage";
export const theUsageWasDeleted = (/** @type {number} */ attendees) => `The usage was deleted. ${number(attendees)} ${attendees === 1 ? "attendee" : "attendees"} had joined.`;
export const itsSettingsAndRoster = "Its settings and roster are deleted as well. Usage must be reset first. It cannot be undone.";
export const deleteEventQuestion = (/** @type {Value} */ name) => `Delete ${name}?`;
export const deleteEvent = "Delete event";
export const theCopyHasThe = "The copy has the same settings, limits, models and length, and a code of its own. It has no attendees.";
export const startsInZone = (/** @type {Value} */ timeZone) => `Starts (${timeZone})`;
export const cloneThisEvent = "Clone this event";
export const undone = "Undone.";

// The list of events with their usage, and a search.
export const eventsTitle = "Events";
export const noEventsYet = "No events yet.";
export const noEventMatches = "No event matches.";
export const errors = "Errors";
export const eventsTable = "Events table";

// The roster of an event.
export const saveRoster = "Save roster";
export const csvFile = "CSV file";
export const roster = "Roster";
export const importCsv = "Import CSV…";
export const fromGithubClassroomExcel = "From GitHub Classroom, Excel or any other list.";
export const userNames = "User names";
export const oneNamePerLine = "One name per line, in upper or lower case. With access limited to the roster, removed attendees lose access at once. Their usage is kept.";
export const namesWereReadFrom = (/** @type {number} */ count, /** @type {Value} */ name) => `${number(count)} names were read from ${name}. Save the roster to use them.`;
export const fileCannotBeRead = (/** @type {Value} */ name, /** @type {Value} */ reason) => `${name} cannot be read. ${reason}`;
export const removeFromTheRoster = (/** @type {number} */ removed) => `Remove ${number(removed)} from the roster?`;
export const theyLoseAccessAt = "If access is limited to the roster, they lose it at once. Their usage is kept.";
export const onTheRosterAdded = (/** @type {number} */ users, /** @type {number} */ added, /** @type {number} */ removed) => `${number(users)} on the roster: ${number(added)} added, ${number(removed)} removed.`;
export const column = (/** @type {Value} */ index) => `Column ${index}`;
export const theFirstRowHas = "The first row has the names of the columns";
export const namesWithASpace = (/** @type {number} */ count, /** @type {Value} */ names) => `${number(count)} names with a space or a slash, which attendees have to type so: ${names}. If they are full names, choose another column.`;
export const toCheck = (/** @type {number} */ count) => `${number(count)} to check`;
export const userNamesAreIn = "User names are in";
export const importFile = (/** @type {Value} */ fileName) => `Import ${fileName}`;
export const useTheseNames = "Use these names";

// One event.
export const readFromTheCache = (/** @type {Value} */ model, /** @type {number} */ read, /** @type {number} */ written) => `${model} (${number(read)} read from the cache, ${number(written)} written to it)`;
export const tokensOverTime = "Tokens over time";
export const requestsOverTime = "Requests over time";
export const timeToFirstByteMs = "Time to first byte (ms)";
export const errorsAndRejectedRequests = "Errors and rejected requests by hour";
export const budgetLeft = "Budget left";
export const tokensByModel = "Tokens by model";
export const costByModel = "Cost by model";
export const tokensByAttendee = "Tokens by attendee";
export const costByAttendee = "Cost by attendee";
export const attendeesWhoJoined = "Attendees who joined";
export const timeRange = "Time range";
export const lastHour = "Last hour";
export const today = "Today";
export const noBudgetSet = "No budget set.";
export const ms = (/** @type {number} */ value) => `${number(value)} ms`;
export const ofBudget = (/** @type {number} */ budget) => `of ${number(budget)}`;
export const noBudgetSetNumber = "no budget set";
export const ofUsedUp = (/** @type {Value} */ budget) => `of ${budget}; used up`;
export const ofLeft = (/** @type {Value} */ money, /** @type {Value} */ money2) => `of ${money}; ${money2} left`;
export const reserved = (/** @type {Value} */ held) => `; ${held} reserved`;
export const includingRejectedRequests = "including rejected requests";
export const ofSeats = (/** @type {number} */ seats) => `of ${number(seats)} seats`;
export const heldTokens = (/** @type {number} */ heldTokens) => `${number(heldTokens)} tokens reserved`;
export const inTheLastMinute = "in the last minute";
export const timeToFirstByte = "Time to first byte";
export const medianP95 = (/** @type {Value} */ p95Ms) => `median; p95 ${p95Ms}`;
export const budgetEnds = "Budget ends";
export const tokensPerHour = (/** @type {number} */ perHour) => `${number(perHour)} tokens`;
export const moneyEnds = "Money ends";
export const atPerHourToday = (/** @type {Value} */ perHour) => `at ${perHour} per hour today`;
export const nothingWasUsedToday = "nothing was used today";
export const usedUp = "Used up";
export const lasts = "Lasts";
export const tokensPer = (/** @type {Value} */ per) => `Tokens per ${per}`;
export const tokensPerUnit = (/** @type {Value} */ per) => `tokens per ${per}`;
export const requestsPer = (/** @type {Value} */ per) => `Requests per ${per}`;
export const requestsPerUnit = (/** @type {Value} */ per) => `requests per ${per}`;
export const timeToFirstBytePer = (/** @type {Value} */ per) => `Time to first byte per ${per}`;
export const p95 = "p95";
export const median = "median";
export const minuteUnit = "minute";
export const hourUnit = "hour";
export const tokensByAttendeeAllTime = "Tokens by attendee, all time";
export const costByAttendeeAllTime = "Cost by attendee, all time";
export const msUnit = " ms";
export const sentRequestsSeries = "sent requests";
export const live = "Live";

// The signed tokens that an event issued to single attendees.
export const personalKeysThatYou = "Personal keys that you issued";
export const noneTheDetailsOf = "None. The details of an attendee have a button that issues one.";
export const revoked = "Revoked";
export const revokeTheKeyOf = (/** @type {Value} */ user) => `Revoke the key of ${user}`;
export const issuedKeys = "Issued keys";
export const attendeeHead = "Attendee";
export const issued = "Issued";
export const revokeTheKeyQuestion = (/** @type {Value} */ user) => `Revoke the key of ${user}?`;
export const itStopsWorkingWithin = "It stops working within ten seconds.";

// What attendees think of the responses.
export const ratings = "Ratings";
export const noRatingsYetAttendees = "No ratings yet. Attendees rate responses in the playground or with the API.";
export const goodBad = (/** @type {number} */ up, /** @type {number} */ down) => `${number(up)} good, ${number(down)} bad.`;
export const ratingsByModel = "Ratings by model";
export const good = "Good";
export const bad = "Bad";
export const latest = "Latest";
export const latestRatings = "Latest ratings";
export const rating = "Rating";
export const feedback = "Feedback";

// Reads a roster from CSV.
export const lineNoName = (/** @type {Value} */ line, /** @type {Value} */ identifier) => `Line ${line}: ${identifier} has no user name`;
export const lineUnclosedQuote = (/** @type {Value} */ line) => `Line ${line} has a quote that is never closed.`;
export const isAWorkbook = "This is a workbook. Save it as CSV in your spreadsheet program.";
export const lineCannotBeWritten = (/** @type {Value} */ line, /** @type {Value} */ written) => `Line ${line}: ${written} cannot be written in Latin letters`;
export const lineTheNameIs = (/** @type {Value} */ line) => `Line ${line}: the name is longer than 128 characters`;
export const lineIsThereTwice = (/** @type {Value} */ line, /** @type {Value} */ name) => `Line ${line}: ${name} is there twice`;
export const lineBecomes = (/** @type {Value} */ line, /** @type {Value} */ written, /** @type {Value} */ name) => `Line ${line}: ${written} becomes ${name}`;

// What an event used by session.
export const sessions = "Sessions";
export const noSessionsYetA = "No sessions yet. A client names one with the header x-session-id.";
export const theFirstSessionsLanyard = (/** @type {number} */ count) => `The first ${number(count)} sessions. \`lanyard usage --by session\` has all.`;
export const usageBySession = "Usage by session";
export const session = "Session";
export const tokensLeft = "tokens left";
export const dollarsLeft = "US dollars left";
export const attendeeCount = (/** @type {number} */ count) => `${number(count)} ${count === 1 ? "attendee" : "attendees"}`;
export const nameCount = (/** @type {number} */ count) => `${number(count)} ${count === 1 ? "name" : "names"}`;
