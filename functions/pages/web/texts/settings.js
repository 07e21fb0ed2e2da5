// @ts-check
// Texts of the dashboard's forms, deployments and tokens.

/** @import { Value } from "../../types.d.ts" */

import { number } from "../locale.js";

// The organiser dashboard.
export const deploymentsLanyard = "Deployments · Lanyard";
export const deploymentLanyard = "Deployment · Lanyard";
export const onlyUsesThisDeployment = (/** @type {Value} */ user) => `Only ${user} uses this deployment, and its usage does not count for the event.`;
export const tokensLanyard = "Tokens · Lanyard";
export const newEventLanyard = "New event · Lanyard";
export const eventsLanyard = "Events · Lanyard";

// The form to add or edit a deployment.
export const dollarsPerMillionTokens = "Dollars per million tokens.";
export const inputPrice = "Input price";
export const outputPrice = "Output price";
export const cachedInputPrice = "Cached input price";
export const cacheWritePrice = "Cache write price";
export const imagePrice = "Image price";
export const dollarsForOneImage = "Dollars for one image.";
export const audioPrice = "Audio price";
export const dollarsForASecond = "Dollars for a second.";
export const textToSpeechPrice = "Text-to-speech price";
export const dollarsForACharacter = "Dollars for a character.";
export const videoPrice = "Video price";
export const saveChanges = "Save changes";
export const classicWithAnApi = "Classic, with an API version";
export const asKnownOfThe = "As known of the model";
export const yes = "Yes";
export const no = "No";
export const editReplica = (/** @type {Value} */ name, /** @type {Value} */ replica) => `Edit ${name} (${replica})`;
export const deploymentIsThere = (/** @type {Value} */ name, /** @type {Value} */ replica) => `${name} (${replica}) exists already. Nothing was changed. Edit it, or choose another name or replica.`;
export const addAReplicaOf = (/** @type {Value} */ name) => `Add a replica of ${name}`;
export const modelNameForAttendees = "Model name for attendees";
export const whatRequestsNameAs = "What requests name as model.";
export const replica = "Replica";
export const severalDeploymentsOfOne = "Several deployments of one name share its attendees.";
export const weight = "Weight";
export const shareOfTheLoad = "Share of the load among replicas; 0 keeps requests away.";
export const atAzure = "At Azure";
export const keysAndEndpointOf = "Keys and Endpoint of the resource in the Azure portal. It stays while attendees have stored objects there.";
export const nameAtAzure = "Name at Azure";
export const ofTheDeploymentIf = "Of the deployment. If empty, the name for attendees.";
export const whichModelItIs = "Which model it is. If empty, Lanyard reads it from the name.";
export const apiVersion = "API version";
export const onlyForTheClassic = "Only for the classic API.";
export const azuresQuotaDefaultLimits = "Azure's quota. Default limits follow from it.";
export const azuresQuota = "Azure's quota.";
export const credential = "Credential";
export const key = "Key";
export const leaveEmptyToKeep = "Leave empty to keep the stored key. It is never shown.";
export const itIsStoredAnd = "It is stored and never shown.";
export const entraIdTenant = "Entra ID tenant";
export const insteadOfAKey = "Instead of a key.";
export const entraIdClient = "Entra ID client";
export const operations = "Operations";
export const pricesAndFactsOf = "Prices and facts of the model";
export const onlyForModelsThat = "Only for models that Lanyard does not know, or to replace what it knows.";
export const contextWindow = "Context window";
export const tokensOfInputAnd = "Tokens of input and output together.";
export const reasoning = "Reasoning";

// Tests a deployment the way attendees use it.
export const sayOk = "Say OK.";
export const onlyChatClaudeResponses = "Only chat, Claude, responses, embeddings and moderation can be tested here. Run `lanyard doctor` to check the others.";
export const worksRespondedInMs = (/** @type {Value} */ model, /** @type {number} */ performance) => `Works: ${model} responded in ${number(performance)} ms.`;
export const theRequestWentThrough = (/** @type {Value} */ token, /** @type {Value} */ name, /** @type {Value} */ USER) => `${token} The request went through ${name} and counts for the user ${USER}.`;
export const azureRefusedTheRequest = "Azure refused the request: check the endpoint, the name at Azure and the key.";
export const testOf = (/** @type {Value} */ name) => `Test of ${name}`;
export const theDashboardDeletesThis = "The dashboard deletes this event after the test.";

// The organiser's deployments.
export const deployments = "Deployments";
export const noDeploymentsYetA = "No deployments yet. A deployment is a model that you have deployed in an Azure OpenAI resource. Describe it once; all your events can offer it.";
export const test = "Test";
export const testing = "Testing…";
export const addReplica = "Add replica";
export const serves = "Serves ";
export const replicasOf = (/** @type {Value} */ name) => `Replicas of ${name}`;
export const eventsAre = "Events: ";
export const noRunningOrPlanned = "No running or planned event uses it.";
export const v1Api = "v1 API";
export const apiVersionNumber = (/** @type {Value} */ apiVersion) => `API version ${apiVersion}`;
export const entraId = "Entra ID";
export const rotateKey = "Rotate key";
export const tokensMin = "Tokens/min";
export const requestsMin = "Requests/min";
export const unknown = "Unknown";
export const tokensSetByYou = (/** @type {number} */ own) => `${number(own)} tokens (set by you)`;
export const tokenCount = (/** @type {number} */ known) => `${number(known)} tokens`;
export const maxOutput = "Max output";
export const pricePerMillionTokens = "Price per million tokens";
export const retires = "Retires";
export const noDatePublished = "No date published";
export const theNewKeyReplaces = (/** @type {Value} */ name, /** @type {Value} */ replica) => `The new key replaces the stored one of ${name} (${replica}) at once. Deactivate the old key at Azure afterwards.`;
export const newKey = "New key";
export const saveKey = "Save key";
export const theKeyOfWas = (/** @type {Value} */ name) => `The key of ${name} was saved.`;
export const itsStoredKeyIs = "Its stored key is deleted as well. Azure keeps the deployment. While it leads to stored objects of an event, it is not deleted.";
export const deleteReplicaQuestion = (/** @type {Value} */ name, /** @type {Value} */ replica) => `Delete ${name} (${replica})?`;
export const wasDeleted = (/** @type {Value} */ name, /** @type {Value} */ replica) => `${name} (${replica}) was deleted.`;

// The form to create or edit an event.
export const webSearch = "Web search";
export const fileSearch = "File search";
export const codeInterpreter = "Code interpreter";
export const imageGeneration = "Image generation";
export const remoteMcpServers = "Remote MCP servers";
export const shellInAContainer = "Shell in a container";
export const maxAttendees = "Max attendees";
export const editNamed = (/** @type {Value} */ name) => `Edit ${name}`;
export const nameAndTime = "Name and time";
export const anotherEventIsNamed = (/** @type {Value} */ name, /** @type {Value} */ code) => `Another event named ${name} has not ended. Its code is ${code}. Continue with that one, or choose another name. `;
export const openThatEvent = "Open that event";
export const starts = "Starts";
export const inTheEventsTime = "In the event's time zone.";
export const ends = "Ends";
export const timeZone = "Time zone";
export const forExampleEuropeOslo = "For example Europe/Oslo.";
export const expectedAttendees = "Expected attendees";
export const theDefaultLimitsAre = "The default limits are based on this number.";
export const kindOfEvent = "Kind of event";
export const theDefaultLimitsFollow = "Default limits: agents get large ones, a demo small ones.";
export const workshop = "Workshop";
export const codingAgents = "Coding agents";
export const demo = "Demo";
export const leaveEmptyToGenerate = "Leave empty to generate a code that is hard to guess.";
export const whatAttendeesSee = "What attendees see";
export const description = "Description";
export const markdownHeadingsListsEmphasis = "Markdown: headings, lists, emphasis, code and links.";
export const contactName = "Contact name";
export const contactEmail = "Contact email";
export const showTheEmailAddress = "Show the email address to";
export const attendeesOnly = "Attendees only";
export const everyoneWithTheLink = "Everyone with the link";
export const imageUrl = "Image URL";
export const website = "Website";
export const linkText = "Link text";
export const accessAndStoredData = "Access and stored data";
export const registeredAttendeesEachGet = "Registered attendees each get their own key.";
export const anyoneWithTheCode = "Anyone with the code";
export const onlyAttendeesOnThe = "Only attendees on the roster";
export const onlyRegisteredAttendees = "Only registered attendees";
export const unregisteredAttendees = "Unregistered attendees";
export const forRegisteredAccess = "For registered access.";
export const mustRegister = "Must register";
export const mayUseTheCode = "May use the code";
export const attendeesOwnDeployments = "Attendees' own deployments";
export const addedByTheOrganiser = "Added by the organiser";
export const addedByAttendees = "Added by attendees";
export const requestRecords = "Request records";
export const neededForSessionsAnd = "Needed for sessions and ratings. Texts are never stored.";
export const on = "On";
export const storedObjects = "Stored objects";
export const responsesFilesAndVector = "Responses, files and vector stores. They are deleted after the event.";
export const anEmptyFieldMeans = "An empty field means no limit.";
export const shareIfEmpty = (/** @type {Value} */ share) => `If empty: ${share}, twice the fair share of the event's total.`;
export const twiceTheFairShare = "If empty, twice the fair share of the event's total, if it has one.";
export const shareFollows = (/** @type {Value} */ share) => `It follows the event's total and becomes ${share}, twice the fair share.`;
export const whoUsedMoreIsRefused = "Attendees who have used more are refused from then on.";
export const noShareBelowOneRequest = "There is no limit if one request to the dearest model may cost more.";
export const shareStays = (/** @type {Value} */ share, /** @type {Value} */ attendees) => `It stays, because it was not twice the fair share of the event's total for ${attendees} attendees. Now that is ${share}.`;
export const emptyFieldsGetDefaults = "Empty fields get defaults based on the expected attendees and the deployments' limits.";
export const perRequest = "Per request";
export const defaultMaxOutputTokens = "4096; 16384 for reasoning models";
export const maxChoices = "Max choices";
export const perAttendee = "Per attendee";
export const wholeEvent = "Whole event";
export const toolsThatAzureRuns = "Tools that Azure runs";
export const functionsAndOtherTools = "Functions and other tools that attendees' programs run are always allowed.";
export const removeFromRequests = "Remove from requests";
export const allow = "Allow";
export const refuseTheRequest = "Refuse the request";

// The limits on single models of an event, as a part of the event's form.
export const modelNumber = (/** @type {Value} */ index) => `Model ${index}`;
export const limit = "Limit";
export const value = "Value";
export const limitsOnSingleModels = "Limits on single models";
export const atMostTheyCount = (/** @type {Value} */ MOST) => `At most ${MOST}. They count from when they are set. Clear the value to lift a limit.`;

// The models of an event and their defaults, as a part of the event's form.
export const allMyDeploymentsLater = "All my deployments, later ones included";
export const models = "Models";
export const chosenByLanyard = "Chosen by Lanyard";
export const youHaveNoDeployments = "You have no deployments yet. ";
export const addOne = "Add one";
export const beforeTheEventStarts = " before the event starts.";
export const defaultModels = "Default models";
export const theModelOfA = "The model of a request that names none, by operation.";

// The organiser's own tokens.
export const organiserTokens = "Organiser tokens";
export const forExampleLaptopOr = "For example laptop or CI";
export const doesNotExpire = "does not expire";
export const inUseHere = " (in use here)";
export const created = "Created";
export const youAreSignedIn = "You are signed in with this token and will be signed out.";
export const programsThatUseIt = "Programs that use it stop working at once.";
export const revokeQuestion = (/** @type {Value} */ name) => `Revoke ${name}?`;
export const wasRevoked = (/** @type {Value} */ name) => `${name} was revoked.`;
export const thisTokenIsShown = "This token is shown only once. Who has it can do everything that you can.";
export const aTokenForEach = "A token for each device or program can be revoked by itself.";
export const newToken = "New token";
export const validForDays = "Valid for days";
export const createToken = "Create token";
export const never = "never";
export const priceOf = (/** @type {Value} */ input, /** @type {Value | null} */ output, /** @type {boolean} */ isOwn) =>
  `${input} input${output === null ? "" : `, ${output} output`}${isOwn ? " (set by you)" : ""}`;

// In the HTML of the pages.
export const dashboardLabel = "Dashboard";
export const dashboardNeedsJavascript = "The dashboard needs JavaScript. You can use the organiser API without it; the documentation shows how.";
export const organiserDashboard = "Organiser dashboard";
export const organiserToken = "Organiser token";
export const organiserTokenHint = "It starts with lanyard_. It is kept until you sign out or close this tab.";
export const signIn = "Sign in";

// Names of fields in the API's warnings.
export const limitPerAttendee = (/** @type {Value} */ limit) => `The limit of ${limit} per attendee`;
export const limitOfEvent = (/** @type {Value} */ limit) => `The event's limit of ${limit}`;
export const limitOfAttendee = (/** @type {Value} */ limit) => `The attendee's limit of ${limit}`;
export const limitOfModel = (/** @type {Value} */ limit, /** @type {Value} */ model) => `${limit} of ${model}`;
export const maxOutputTokensName = "the max output tokens";
