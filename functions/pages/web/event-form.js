// @ts-check
// The form to create or edit an event. Empty fields of a new event get defaults; an edit sends only changed fields.

/** @import { Attributes, Control, Deployment, EventFields, OrganiserEvent } from "../types.d.ts" */

import { asApiError } from "./api.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { modelLimits } from "./event-model-limits.js";
import { eventModels } from "./event-models.js";
import { capitalised, clearProblems, showProblems } from "./form.js";
import { LIMITS, limitInput, limitName } from "./limits.js";
import { changeEvent, createEvent } from "./organiser-api.js";

/**
 * The types of tools that Azure runs, with their names.
 *
 * @type {[string, string][]}
 */
const HOSTED_TOOLS = [
  ["web_search", "Web search"], ["file_search", "File search"], ["code_interpreter", "Code interpreter"],
  ["image_generation", "Image generation"], ["mcp", "Remote MCP servers"], ["hosted_shell", "Shell in a container"],
];

/** @typedef {{ control: Control, before: string }} Field */

/**
 * The form for an event, or for a new one if it is null. `done(event)` gets the saved event.
 *
 * @param {OrganiserEvent | null} event
 * @param {Deployment[]} deployments
 * @param {(event: OrganiserEvent) => void} done
 */
export function eventForm(event, deployments, done) {
  const models = eventModels(event, deployments);
  const byModel = { attendee: modelLimits(event, deployments, "attendee"), event: modelLimits(event, deployments, "event") };
  const result = h("div", { "aria-live": "assertive" });
  const save = h("button.main", {}, event ? "Save changes" : "Create event");
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
    of === "event" ? field("allowances.event.attendees", "Max attendees", { type: "number", min: "1", inputmode: "numeric" }) : null),
    byModel[of].element);

  const form = h("form.card", { onsubmit: submit, novalidate: true, id: "event-form" },
    h("h1", {}, event ? `Edit ${event.name}` : "New event"),
    result,
    h("fieldset", {}, h("legend", {}, "Name and time"), h("div.grid", {},
      h("div.wide", {}, field("name", "Name", { required: true, maxlength: "128" })),
      field("starts_at", "Starts", { type: "datetime-local", required: true }, "In the event's time zone.", event ? withoutOffset(event.starts_at) : hourFrom(1)),
      field("ends_at", "Ends", { type: "datetime-local", required: true }, null, event ? withoutOffset(event.ends_at) : hourFrom(9)),
      field("time_zone", "Time zone", { list: "zones", required: true, spellcheck: "false" }, "For example Europe/Oslo.", value("time_zone") ?? localZone),
      field("attendees", "Expected attendees", { type: "number", min: "1", max: "100000" }, "The default limits are based on this number.", value("attendees") ?? 100),
      event ? null : field("preset", "Kind of event", { tag: "select" }, "The default limits follow from it.", "workshop",
        [["workshop", "Workshop: chats and small apps"], ["agents", "Coding agents: large limits"], ["demo", "Demo: small limits"]]),
      event ? null : field("code", "Code", { spellcheck: "false", autocapitalize: "none", class: "mono" }, "Leave empty to generate a code that is hard to guess."))),
    h("fieldset", {}, h("legend", {}, "What attendees see"), h("div.grid", {},
      h("div.wide", {}, field("description", "Description", { tag: "textarea", rows: "4", maxlength: "8192" }, "Markdown: headings, lists, emphasis, code and links.")),
      field("contact.name", "Contact name"),
      field("contact.email", "Contact email", { type: "email" }),
      field("contact.email_public", "Show the email address to", { tag: "select", "data-kind": "boolean" }, null, value("contact.email_public") ?? false,
        [["false", "Attendees only"], ["true", "Everyone with the link"]]),
      field("image_url", "Image URL", { type: "url", placeholder: "https://" }),
      field("url", "Website", { type: "url", placeholder: "https://" }),
      field("url_text", "Link text"))),
    h("fieldset", {}, h("legend", {}, "Access and stored data"), h("div.grid", {},
      field("access", "Access", { tag: "select" }, "Registered attendees each get their own key.", value("access") ?? "open",
        [["open", "Anyone with the code"], ["roster", "Only attendees on the roster"], ["registered", "Only registered attendees"]]),
      field("auto_register", "Unregistered attendees", { tag: "select", "data-kind": "boolean" }, "For registered access.", value("auto_register") ?? false,
        [["false", "Must register"], ["true", "May use the code"]]),
      field("own_deployments", "Attendees' own deployments", { tag: "select" }, null, value("own_deployments") ?? "none",
        [["none", "Off"], ["organiser", "Added by the organiser"], ["attendee", "Added by attendees"]]),
      field("records_requests", "Request records", { tag: "select", "data-kind": "boolean" }, "Needed for sessions and ratings. Texts are never stored.", value("records_requests") ?? true,
        [["true", "On"], ["false", "Off"]]),
      field("keeps_objects", "Stored objects", { tag: "select", "data-kind": "boolean" }, "Responses, files and vector stores. They are deleted after the event.", value("keeps_objects") ?? false,
        [["false", "Off"], ["true", "On"]]))),
    models.element,
    h("details", { id: "limits-part" }, h("summary", {}, "Limits"),
      h("p.muted", {}, event ? "An empty field means no limit." : "Empty fields get defaults based on the expected attendees and the deployments' limits."),
      h("fieldset", {}, h("legend", {}, "Per request"), h("div.grid", {},
        field("max_completion_tokens", "Max output tokens", { type: "number", min: "1", placeholder: "4096; 16384 for reasoning models" }),
        field("max_choices", "Max choices", { type: "number", min: "1", max: "128" }))),
      limits("attendee", "Per attendee"), limits("event", "Whole event")),
    h("details", {}, h("summary", {}, "Tools that Azure runs"),
      h("p.muted", {}, "Functions and other tools that attendees' programs run are always allowed."),
      h("div.grid", {}, HOSTED_TOOLS.map(([type, words]) => field(`hosted_tools.${type}`, words, { tag: "select" }, null,
        allowOrRefuse(value(`hosted_tools.${type}`)),
        [["", "Remove from requests"], ["allow", "Allow"], ["refuse", "Refuse the request"]])))),
    zones,
    h("p.row.submit-row", {}, save, h("a.button", { href: event ? `#event=${event.id}` : "#events" }, "Cancel")));

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
