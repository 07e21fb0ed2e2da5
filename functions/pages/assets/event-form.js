// Making and changing an event. An empty field leaves the choice to the service; when changing, only what was changed is
// sent.

import { limitWords } from "./allowance.js";
import { fill, h } from "./dom.js";
import { note } from "./errors.js";
import { call, eventPath } from "./organiser-api.js";

const LIMITS = ["tokens_total", "tokens_per_day", "tokens_per_minute", "requests_per_day", "requests_per_minute",
  "in_flight", "images_total", "audio_seconds_total", "characters_total", "video_seconds_total"];

/** The form for an event, or for a new one where it is null. `done(event)` gets what the service answered. */
export function eventForm(event, done) {
  const said = h("div", { "aria-live": "assertive" });
  const save = h("button.main", {}, event ? "Save the changes" : "Create the event");
  const zones = h("datalist", { id: "zones" }, Intl.supportedValuesOf("timeZone").map((zone) => h("option", { value: zone })));
  const value = (path) => path.split(".").reduce((part, name) => part?.[name], event ?? {});
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const before = new Map();

  function field(path, label, attributes = {}, hint = null, shown = value(path) ?? "") {
    const id = `field-${path}`;
    const text = String(shown);
    before.set(path, text);
    const { tag = "input", ...rest } = attributes;
    const { options = [], ...others } = rest;
    const control = h(tag, { id, name: path, ...others, "aria-describedby": `${id}-hint` },
      options.map(([option, words]) => h("option", { value: option }, words)));
    control.value = text;
    return h("div", {}, h("label", { for: id }, label), control, h("span.hint", { id: `${id}-hint` }, hint ?? ""),
      h("span.problem", { "data-problem": path }));
  }

  const wall = (instant) => instant?.slice(0, 16) ?? "";
  const limits = (of, words) => h("fieldset", {}, h("legend", {}, words),
    h("div.grid", {}, LIMITS.filter((name) => of === "attendee" || name !== "in_flight").map((name) => field(`allowances.${of}.${name}`,
      capital(limitWords(name)), { type: "number", min: "1", step: "1", inputmode: "numeric" })),
    of === "event" ? field("allowances.event.attendees", "Attendees at most", { type: "number", min: "1", inputmode: "numeric" }) : null));

  const form = h("form.card", { onsubmit: submit, novalidate: true, id: "event-form" },
    h("h1", {}, event ? `Change ${event.name}` : "New event"),
    said,
    h("fieldset", {}, h("legend", {}, "What and when"), h("div.grid", {},
      h("div.wide", {}, field("name", "Name", { required: true, maxlength: "128" })),
      field("starts_at", "Starts", { type: "datetime-local", required: true }, "By the event's own clock.", wall(value("starts_at"))),
      field("ends_at", "Ends", { type: "datetime-local", required: true }, null, wall(value("ends_at"))),
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
      field("access", "Who may come", { tag: "select", options: [["open", "Whoever has the code"], ["roster", "Whoever is on the roster"], ["registered", "Whoever has registered"]] },
        "With a registration each attendee has a key of their own.", value("access") ?? "open"),
      field("keeps_objects", "Stored responses, files and vector stores", { tag: "select", "data-kind": "boolean", options: [["false", "Not offered"], ["true", "Offered, deleted after the event"]] },
        null, value("keeps_objects") ?? false))),
    h("details", {}, h("summary", {}, "Limits"),
      h("p.soft", {}, event ? "An empty field is no limit." : "What is left empty follows from the number of attendees and what the deployments take."),
      h("fieldset", {}, h("legend", {}, "Each request"), h("div.grid", {},
        field("max_completion_tokens", "Completion cap", { type: "number", min: "1" }),
        field("max_choices", "Choices", { type: "number", min: "1", max: "128" }))),
      limits("attendee", "Each attendee"), limits("event", "Everybody together")),
    zones,
    h("p.row.enter", {}, save, h("a.button", { href: event ? `#event=${event.id}` : "#events" }, "Cancel")));

  async function submit(submitted) {
    submitted.preventDefault();
    save.disabled = true;
    clearProblems();
    try {
      const body = bodyOf(form, before, event !== null);
      done(event ? await call("PATCH", eventPath(event.id), body) : await call("POST", "/events", body));
    } catch (fault) {
      fill(said, note(fault));
      showProblems(fault.details);
    } finally {
      save.disabled = false;
    }
  }

  function clearProblems() {
    fill(said);
    for (const place of form.querySelectorAll("[data-problem]")) fill(place);
    for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  }

  /** Each mistake beside its field. */
  function showProblems(details) {
    let first = null;
    for (const { field: path, message } of details) {
      const control = form.elements[path];
      if (!control) continue;
      control.setAttribute("aria-invalid", "true");
      fill(form.querySelector(`[data-problem="${path}"]`), capital(message));
      control.closest("details")?.setAttribute("open", "");
      first ??= control;
    }
    first?.focus();
  }
  return form;
}

/** The fields that say something. */
export function bodyOf(form, before, isChange) {
  const body = {};
  for (const [path, old] of before) {
    const text = form.elements[path].value.trim();
    const isSaid = isChange ? text !== old.trim() : text !== "";
    if (!isSaid) continue;
    const names = path.split(".");
    const last = names.pop();
    const part = names.reduce((at, name) => at[name] ??= {}, body);
    part[last] = text === "" ? null : meaning(form.elements[path], text);
  }
  return body;
}

function meaning(control, text) {
  if (control.dataset.kind === "boolean") return text === "true";
  return control.type === "number" ? Number(text) : text;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
