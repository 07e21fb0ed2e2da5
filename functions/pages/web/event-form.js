// @ts-check
// The form to create or edit an event. Empty fields of a new event get defaults; an edit sends only changed fields.

/** @import { Attributes, Control, Deployment, EventFields, OrganiserEvent } from "../types.d.ts" */

import { asApiError } from "./api.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { modelLimits } from "./event-model-limits.js";
import { eventModels } from "./event-models.js";
import { showShares } from "./event-shares.js";
import { capitalised, clearProblems, showProblems } from "./form.js";
import { LIMITS, limitInput, limitName } from "./limits.js";
import { changeEvent, createEvent } from "./organiser-api.js";
import * as t from "./texts.js";

/**
 * The types of tools that Azure runs, with their names.
 *
 * @type {[string, string][]}
 */
const HOSTED_TOOLS = [
  ["web_search", t.webSearch], ["file_search", t.fileSearch], ["code_interpreter", t.codeInterpreter],
  ["image_generation", t.imageGeneration], ["mcp", t.remoteMcpServers], ["hosted_shell", t.shellInAContainer],
];

/** @typedef {{ control: Control, before: string }} Field */

/**
 * The form for an event, or for a new one if it is null. `done(event)` gets the saved event.
 *
 * @param {OrganiserEvent | null} event
 * @param {OrganiserEvent[]} events all of the organiser's
 * @param {Deployment[]} deployments
 * @param {(event: OrganiserEvent) => void} done
 */
export function eventForm(event, events, deployments, done) {
  const models = eventModels(event, deployments);
  const byModel = { attendee: modelLimits(event, deployments, "attendee"), event: modelLimits(event, deployments, "event") };
  const result = h("div", { "aria-live": "assertive" });
  const namesake = h("div", { id: "namesake", "aria-live": "polite" });
  const save = h("button.main", {}, event ? t.saveChanges : t.createEvent);
  const zones = h("datalist", { id: "zones" }, Intl.supportedValuesOf("timeZone").map((zone) => h("option", { value: zone })));
  const value = (/** @type {string} */ path) => (event ? valueAt(event, path) : undefined);
  const localZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  /**
   * Each field's control and initial value.
   *
   * @type {Map<string, Field>}
   */
  const fields = new Map();

  /**
   * @param {string} path
   * @param {string} label
   * @param {Attributes & { tag?: "input" | "textarea" | "select" }} attributes
   * @param {string | null} hint
   * @param {unknown} initial
   * @param {string[][]} options
   */
  function field(path, label, attributes = {}, hint = null, initial = value(path) ?? "", options = []) {
    const id = `field-${path}`;
    const before = String(initial);
    const { tag = "input", ...rest } = attributes;
    const control = h(tag, { id, name: path, ...rest, "aria-describedby": `${id}-hint` },
      options.map(([option, words]) => h("option", { value: option }, words)));
    control.value = before;
    fields.set(path, { control, before });
    return h("div", {}, h("label", { for: id }, label), control, h("span.hint", { id: `${id}-hint` }, hint ?? ""),
      h("span.problem", { "data-problem": path }));
  }

  const allowOrRefuse = (/** @type {unknown} */ decision) => (decision === "allow" || decision === "refuse" ? decision : "");
  const hourFrom = (/** @type {number} */ hours) => localHour(Date.now() + hours * 3_600_000);
  const withoutOffset = (/** @type {string | undefined} */ instant) => instant?.slice(0, 16) ?? "";
  const limits = (/** @type {"attendee" | "event"} */ of, /** @type {string} */ words) => h("fieldset", {}, h("legend", {}, words),
    h("div.grid", {}, LIMITS.filter((name) => of === "attendee" || name !== "in_flight").map((name) => field(`allowances.${of}.${name}`,
      capitalised(limitName(name)), limitInput(name))),
    of === "event" ? field("allowances.event.attendees", t.maxAttendees, { type: "number", min: "1", inputmode: "numeric" }) : null),
    byModel[of].element);

  const form = h("form.card", { onsubmit: submit, novalidate: true, id: "event-form" },
    h("h1", {}, event ? t.editNamed(event.name) : t.newEvent),
    result,
    h("fieldset", {}, h("legend", {}, t.nameAndTime), h("div.grid", {},
      h("div.wide", {}, field("name", t.nameLabel, { required: true, maxlength: "128", oninput: showNamesake }), namesake),
      field("starts_at", t.starts, { type: "datetime-local", required: true }, t.inTheEventsTime, event ? withoutOffset(event.starts_at) : hourFrom(1)),
      field("ends_at", t.ends, { type: "datetime-local", required: true }, null, event ? withoutOffset(event.ends_at) : hourFrom(9)),
      field("time_zone", t.timeZone, { list: "zones", required: true, spellcheck: "false" }, t.forExampleEuropeOslo, value("time_zone") ?? localZone),
      field("attendees", t.expectedAttendees, { type: "number", min: "1", max: "100000" }, t.theDefaultLimitsAre, value("attendees") ?? 100),
      event ? null : field("preset", t.kindOfEvent, { tag: "select" }, t.theDefaultLimitsFollow, "workshop",
        [["workshop", t.workshop], ["agents", t.codingAgents], ["demo", t.demo]]),
      event ? null : field("code", t.code, { spellcheck: "false", autocapitalize: "none", class: "mono" }, t.leaveEmptyToGenerate))),
    h("fieldset", {}, h("legend", {}, t.whatAttendeesSee), h("div.grid", {},
      h("div.wide", {}, field("description", t.description, { tag: "textarea", rows: "4", maxlength: "8192" }, t.markdownHeadingsListsEmphasis)),
      field("contact.name", t.contactName),
      field("contact.email", t.contactEmail, { type: "email" }),
      field("contact.email_public", t.showTheEmailAddress, { tag: "select", "data-kind": "boolean" }, null, value("contact.email_public") ?? false,
        [["false", t.attendeesOnly], ["true", t.everyoneWithTheLink]]),
      field("image_url", t.imageUrl, { type: "url", placeholder: "https://" }),
      field("url", t.website, { type: "url", placeholder: "https://" }),
      field("url_text", t.linkText))),
    h("fieldset", {}, h("legend", {}, t.accessAndStoredData), h("div.grid", {},
      field("access", t.access, { tag: "select" }, t.registeredAttendeesEachGet, value("access") ?? "open",
        [["open", t.anyoneWithTheCode], ["roster", t.onlyAttendeesOnThe], ["registered", t.onlyRegisteredAttendees]]),
      field("auto_register", t.unregisteredAttendees, { tag: "select", "data-kind": "boolean" }, t.forRegisteredAccess, value("auto_register") ?? false,
        [["false", t.mustRegister], ["true", t.mayUseTheCode]]),
      field("own_deployments", t.attendeesOwnDeployments, { tag: "select" }, null, value("own_deployments") ?? "none",
        [["none", t.off], ["organiser", t.addedByTheOrganiser], ["attendee", t.addedByAttendees]]),
      field("records_requests", t.requestRecords, { tag: "select", "data-kind": "boolean" }, t.neededForSessionsAnd, value("records_requests") ?? true,
        [["true", t.on], ["false", t.off]]),
      field("keeps_objects", t.storedObjects, { tag: "select", "data-kind": "boolean" }, t.responsesFilesAndVector, value("keeps_objects") ?? false,
        [["false", t.off], ["true", t.on]]))),
    models.element,
    h("details", { id: "limits-part" }, h("summary", {}, t.limits),
      h("p.muted", {}, event ? t.anEmptyFieldMeans : t.emptyFieldsGetDefaults),
      h("fieldset", {}, h("legend", {}, t.perRequest), h("div.grid", {},
        field("max_completion_tokens", t.maxOutputTokens, { type: "number", min: "1", placeholder: t.defaultMaxOutputTokens }),
        field("max_choices", t.maxChoices, { type: "number", min: "1", max: "128" }))),
      limits("attendee", t.perAttendee), limits("event", t.wholeEvent)),
    h("details", {}, h("summary", {}, t.toolsThatAzureRuns),
      h("p.muted", {}, t.functionsAndOtherTools),
      h("div.grid", {}, HOSTED_TOOLS.map(([type, words]) => field(`hosted_tools.${type}`, words, { tag: "select" }, null,
        allowOrRefuse(value(`hosted_tools.${type}`)),
        [["", t.removeFromRequests], ["allow", t.allow], ["refuse", t.refuseTheRequest]])))),
    zones,
    h("p.row.submit-row", {}, save, h("a.button", { href: event ? `#event=${event.id}` : "#events" }, t.cancel)));

  /** Warns of another event with this name that has not ended, before there are two. */
  function showNamesake() {
    const name = fields.get("name")?.control.value.trim().toLowerCase();
    const other = events.find((each) => each.id !== event?.id && each.status !== "ended" && each.name.toLowerCase() === name);
    fill(namesake, other ? h("p.note.warn", {}, t.anotherEventIsNamed(other.name, other.code), h("a", { href: `#event=${other.id}` }, t.openThatEvent)) : null);
  }

  /** @param {SubmitEvent} submission */
  async function submit(submission) {
    submission.preventDefault();
    save.disabled = true;
    fill(result);
    clearProblems(form);
    try {
      const body = withModelLimits({ ...changedFields(fields, event !== null), ...models.changed() });
      done(event ? await changeEvent(event.id, body) : await createEvent(body));
    } catch (error) {
      fill(result, errorNote(error));
      showProblems(form, asApiError(error).details);
    } finally {
      save.disabled = false;
    }
  }

  /**
   * The fields with the changed limits on single models.
   *
   * @param {EventFields} body
   */
  function withModelLimits(body) {
    for (const of of /** @type {const} */ (["attendee", "event"])) {
      const changes = byModel[of].changed();
      if (!changes) continue;
      const allowances = /** @type {EventFields} */ (body.allowances ?? {});
      const limits = /** @type {EventFields} */ (allowances[of] ?? {});
      body.allowances = { ...allowances, [of]: { ...limits, by_model: changes } };
    }
    return body;
  }

  showShares(form, event);
  return form;
}

/**
 * The beginning of the hour of an instant, as a field for local times has it.
 *
 * @param {number} at
 */
function localHour(at) {
  const date = new Date(at);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:00`;
}

/**
 * The fields to send.
 *
 * @param {Map<string, Field>} fields
 * @param {boolean} isChange
 */
function changedFields(fields, isChange) {
  /** @type {EventFields} */
  const body = {};
  for (const [path, { control, before }] of fields) {
    const text = control.value.trim();
    const isSet = isChange ? text !== before.trim() : text !== "";
    if (!isSet) continue;
    const names = path.split(".");
    const last = names.pop() ?? path;
    let part = body;
    for (const name of names) part = /** @type {EventFields} */ (part[name] ??= {});
    part[last] = text === "" ? null : parsed(control, text);
  }
  return body;
}

/**
 * The value at a path such as `contact.name`.
 *
 * @param {object} whole
 * @param {string} path
 * @returns {unknown}
 */
function valueAt(whole, path) {
  /** @type {unknown} */
  let part = whole;
  for (const name of path.split(".")) part = /** @type {Record<string, unknown> | undefined} */ (part)?.[name];
  return part;
}

/**
 * @param {Control} control
 * @param {string} text
 */
function parsed(control, text) {
  if (control.dataset.kind === "boolean") return text === "true";
  return control.type === "number" ? Number(text) : text;
}
