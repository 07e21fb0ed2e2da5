// @ts-check
// Making and changing an event. An empty field leaves the choice to the service; when changing, only what was changed is
// sent.

/** @import { Attributes, Control, EventFields, FieldProblem, OrganiserEvent } from "../types.d.ts" */

import { LIMITS, limitWords } from "./allowance.js";
import { fill, find, h } from "./dom.js";
import { asRefusal } from "./api.js";
import { note } from "./errors.js";
import { changeEvent, createEvent } from "./organiser-api.js";

/** @typedef {{ control: Control, before: string }} Field */

/**
 * The form for an event, or for a new one where it is null. `done(event)` gets what the service answered.
 *
 * @param {OrganiserEvent | null} event
 * @param {(event: OrganiserEvent) => void} done
 */
export function eventForm(event, done) {
  const said = h("div", { "aria-live": "assertive" });
  const save = h("button.main", {}, event ? "Save the changes" : "Create the event");
  const zones = h("datalist", { id: "zones" }, Intl.supportedValuesOf("timeZone").map((zone) => h("option", { value: zone })));
  const value = (/** @type {string} */ path) => (event ? valueAt(event, path) : undefined);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  /**
   * Each field's control, and the text that it had before.
   *
   * @type {Map<string, Field>}
   */
  const fields = new Map();

  /**
   * @param {string} path
   * @param {string} label
   * @param {Attributes & { tag?: "input" | "textarea" | "select" }} attributes
   * @param {string | null} hint
   * @param {unknown} shown
   * @param {string[][]} options
   */
  function field(path, label, attributes = {}, hint = null, shown = value(path) ?? "", options = []) {
    const id = `field-${path}`;
    const before = String(shown);
    const { tag = "input", ...rest } = attributes;
    const control = h(tag, { id, name: path, ...rest, "aria-describedby": `${id}-hint` },
      options.map(([option, words]) => h("option", { value: option }, words)));
    control.value = before;
    fields.set(path, { control, before });
    return h("div", {}, h("label", { for: id }, label), control, h("span.hint", { id: `${id}-hint` }, hint ?? ""),
      h("span.problem", { "data-problem": path }));
  }

  const wall = (/** @type {string | undefined} */ instant) => instant?.slice(0, 16) ?? "";
  const limits = (/** @type {"attendee" | "event"} */ of, /** @type {string} */ words) => h("fieldset", {}, h("legend", {}, words),
    h("div.grid", {}, LIMITS.filter((name) => of === "attendee" || name !== "in_flight").map((name) => field(`allowances.${of}.${name}`,
      capital(limitWords(name)), { type: "number", min: "1", step: "1", inputmode: "numeric" })),
    of === "event" ? field("allowances.event.attendees", "Attendees at most", { type: "number", min: "1", inputmode: "numeric" }) : null));

  const form = h("form.card", { onsubmit: submit, novalidate: true, id: "event-form" },
    h("h1", {}, event ? `Change ${event.name}` : "New event"),
    said,
    h("fieldset", {}, h("legend", {}, "What and when"), h("div.grid", {},
      h("div.wide", {}, field("name", "Name", { required: true, maxlength: "128" })),
      field("starts_at", "Starts", { type: "datetime-local", required: true }, "By the event's own clock.", wall(event?.starts_at)),
      field("ends_at", "Ends", { type: "datetime-local", required: true }, null, wall(event?.ends_at)),
      field("time_zone", "Time zone", { list: "zones", required: true, spellcheck: "false" }, "Such as Europe/Oslo.", value("time_zone") ?? here),
      field("attendees", "Attendees expected", { type: "number", min: "1", max: "100000" }, "Limits follow from it.", value("attendees") ?? 100),
      event ? null : field("code", "Code", { spellcheck: "false", autocapitalize: "none", class: "mono" }, "Empty makes one that cannot be guessed."))),
    h("fieldset", {}, h("legend", {}, "What attendees see"), h("div.grid", {},
      h("div.wide", {}, field("description", "Description", { tag: "textarea", rows: "4", maxlength: "8192" }, "Markdown: headings, lists, emphasis, code and links.")),
      field("contact.name", "Organiser's name"),
      field("contact.email", "Organiser's mail", { type: "email" }),
      field("image_url", "Picture", { type: "url", placeholder: "https://" }),
      field("url", "Web page", { type: "url", placeholder: "https://" }),
      field("url_text", "Words of its link"))),
    h("fieldset", {}, h("legend", {}, "Who may come, and what is kept"), h("div.grid", {},
      field("access", "Who may come", { tag: "select" }, "With a registration each attendee has a key of their own.", value("access") ?? "open",
        [["open", "Whoever has the code"], ["roster", "Whoever is on the roster"], ["registered", "Whoever has registered"]]),
      field("keeps_objects", "Stored responses, files and vector stores", { tag: "select", "data-kind": "boolean" }, null, value("keeps_objects") ?? false,
        [["false", "Not offered"], ["true", "Offered, deleted after the event"]]))),
    h("details", {}, h("summary", {}, "Limits"),
      h("p.soft", {}, event ? "An empty field is no limit." : "What is left empty follows from the number of attendees and what the deployments take."),
      h("fieldset", {}, h("legend", {}, "Each request"), h("div.grid", {},
        field("max_completion_tokens", "Completion cap", { type: "number", min: "1" }),
        field("max_choices", "Choices", { type: "number", min: "1", max: "128" }))),
      limits("attendee", "Each attendee"), limits("event", "Everybody together")),
    zones,
    h("p.row.enter", {}, save, h("a.button", { href: event ? `#event=${event.id}` : "#events" }, "Cancel")));

  /** @param {SubmitEvent} submitted */
  async function submit(submitted) {
    submitted.preventDefault();
    save.disabled = true;
    clearProblems();
    try {
      const body = bodyOf(fields, event !== null);
      done(event ? await changeEvent(event.id, body) : await createEvent(body));
    } catch (fault) {
      fill(said, note(fault));
      showProblems(asRefusal(fault).details);
    } finally {
      save.disabled = false;
    }
  }

  function clearProblems() {
    fill(said);
    for (const place of form.querySelectorAll("[data-problem]")) fill(place);
    for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  }

  /**
   * Each mistake beside its field.
   *
   * @param {FieldProblem[]} details
   */
  function showProblems(details) {
    /** @type {Control | null} */
    let first = null;
    for (const { field: path, message } of details) {
      const control = fields.get(path)?.control;
      if (!control) continue;
      control.setAttribute("aria-invalid", "true");
      fill(find(form, `[data-problem="${path}"]`, HTMLElement), capital(message));
      control.closest("details")?.setAttribute("open", "");
      first ??= control;
    }
    first?.focus();
  }
  return form;
}

/**
 * The fields that say something.
 *
 * @param {Map<string, Field>} fields
 * @param {boolean} isChange
 */
function bodyOf(fields, isChange) {
  /** @type {EventFields} */
  const body = {};
  for (const [path, { control, before }] of fields) {
    const text = control.value.trim();
    const isSaid = isChange ? text !== before.trim() : text !== "";
    if (!isSaid) continue;
    const names = path.split(".");
    const last = names.pop() ?? path;
    let part = body;
    for (const name of names) part = /** @type {EventFields} */ (part[name] ??= {});
    part[last] = text === "" ? null : meaning(control, text);
  }
  return body;
}

/**
 * What stands at a path such as `contact.name`.
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
function meaning(control, text) {
  if (control.dataset.kind === "boolean") return text === "true";
  return control.type === "number" ? Number(text) : text;
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
