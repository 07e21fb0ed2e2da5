// @ts-check
// The form to add or edit a deployment.

/** @import { Deployment, DeploymentDraft, Prices } from "../types.d.ts" */

import { asApiError } from "./api.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { checkbox, clearProblems, fieldOf, options, showProblems } from "./form.js";
import { OPERATIONS, operationName } from "./limits.js";
import { putDeployment } from "./organiser-api.js";

const PER_MILLION = "Dollars per million tokens.";

/**
 * Each price, its label and its unit.
 *
 * @type {[keyof Prices, string, string][]}
 */
const PRICES = [
  ["prompt", "Input price", PER_MILLION], ["completion", "Output price", PER_MILLION],
  ["cached_prompt", "Cached input price", PER_MILLION], ["cache_write", "Cache write price", PER_MILLION],
  ["image", "Image price", "Dollars for one image."], ["audio_second", "Audio price", "Dollars for a second."],
  ["character", "Text-to-speech price", "Dollars for a character."], ["video_second", "Video price", "Dollars for a second."],
];

/**
 * The form for a deployment, or for a new one if it is null. `done()` is called after it was saved.
 *
 * @param {Deployment | null} deployment
 * @param {string} name
 * @param {() => void} done
 * @param {(name: string, draft: DeploymentDraft) => Promise<unknown>} put
 */
export function deploymentForm(deployment, name, done, put = putDeployment) {
  const result = h("div", { "aria-live": "assertive" });
  const save = h("button.main", {}, deployment ? "Save changes" : "Add deployment");
  const input = (/** @type {string} */ value, attributes = {}) => {
    const control = h("input", { spellcheck: "false", autocapitalize: "none", ...attributes });
    control.value = value;
    return control;
  };
  const count = (/** @type {number | null | undefined} */ value, attributes = {}) =>
    input(value === null || value === undefined ? "" : String(value), { type: "number", min: "1", inputmode: "numeric", ...attributes });
  const nameField = input(deployment?.name ?? name, { required: true, disabled: deployment !== null });
  const replica = input(deployment?.replica ?? "", { placeholder: "main", disabled: deployment !== null });
  const endpoint = input(deployment?.endpoint ?? "", { type: "url", required: true, placeholder: "https://my-resource.openai.azure.com" });
  const azureName = input(deployment?.azure_name ?? "");
  const model = input(deployment?.model ?? "", { placeholder: "gpt-5-mini" });
  const api = h("select", {}, options([["v1", "v1"], ["classic", "Classic, with an API version"]]));
  api.value = deployment?.api ?? "v1";
  const version = input(deployment?.api_version ?? "", { placeholder: "2024-10-21" });
  const key = input("", { type: "password", autocomplete: "off", class: "mono" });
  const tenant = input(deployment?.identity?.tenant_id ?? "");
  const client = input(deployment?.identity?.client_id ?? "");
  const weight = count(deployment?.weight ?? 1, { min: "0" });
  const tpm = count(deployment?.tokens_per_minute);
  const rpm = count(deployment?.requests_per_minute);
  const prices = PRICES.map(([name, label, unit]) => ({ name, label, unit, control: count(deployment?.prices?.[name], { min: "0", step: "any" }) }));
  const context = count(deployment?.context_window);
  const output = count(deployment?.max_output_tokens);
  const reasoning = h("select", {}, options([["", "As known of the model"], ["true", "Yes"], ["false", "No"]]));
  reasoning.value = deployment?.reasoning === null || deployment?.reasoning === undefined ? "" : String(deployment.reasoning);
  const operations = OPERATIONS.map((operation) => ({
    operation,
    ...checkbox(operationName(operation), { value: operation, checked: (deployment?.operations ?? ["chat_completions", "responses"]).includes(operation) }),
  }));

  /** @returns {DeploymentDraft} */
  function draft() {
    const text = (/** @type {HTMLInputElement} */ control) => control.value.trim() || null;
    const whole = (/** @type {HTMLInputElement} */ control) => (control.value.trim() === "" ? null : Number(control.value));
    const named = prices.filter(({ control }) => control.value.trim()).map(({ name, control }) => [name, Number(control.value)]);
    return {
      replica: text(replica),
      endpoint: endpoint.value.trim(),
      azure_name: text(azureName),
      model: text(model),
      operations: operations.filter(({ control }) => control.checked).map(({ operation }) => operation),
      api: api.value,
      api_version: api.value === "classic" ? text(version) : null,
      weight: whole(weight),
      tokens_per_minute: whole(tpm),
      requests_per_minute: whole(rpm),
      prices: named.length ? Object.fromEntries(named) : null,
      context_window: whole(context),
      max_output_tokens: whole(output),
      reasoning: reasoning.value === "" ? null : reasoning.value === "true",
      ...(text(tenant) || text(client) ? { identity: { tenant_id: tenant.value.trim(), client_id: client.value.trim(), ...(deployment?.identity?.authority ? { authority: deployment.identity.authority } : {}) } } : {}),
      ...(key.value.trim() ? { key: key.value.trim() } : {}),
    };
  }

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    save.disabled = true;
    clearProblems(form);
    fill(result);
    try {
      await put(nameField.value.trim(), draft());
      done();
    } catch (error) {
      fill(result, errorNote(error));
      showProblems(form, asApiError(error).details);
    } finally {
      save.disabled = false;
    }
  }

  const form = h("form.card", { onsubmit: submit, novalidate: true, id: "deployment-form" },
    h("h1", {}, deployment ? `Edit ${deployment.name} (${deployment.replica})` : name ? `Add a replica of ${name}` : "Add deployment"),
    result,
    h("fieldset", {}, h("legend", {}, "Name"), h("div.grid", {},
      fieldOf("name", "Model name for attendees", nameField, "What requests name as model."),
      fieldOf("replica", "Replica", replica, "Several deployments of one name share its attendees."),
      fieldOf("weight", "Weight", weight, "Share of the load among replicas; 0 keeps requests away."))),
    h("fieldset", {}, h("legend", {}, "At Azure"), h("div.grid", {},
      h("div.wide", {}, fieldOf("endpoint", "Endpoint", endpoint, "Keys and Endpoint of the resource in the Azure portal.")),
      fieldOf("azure_name", "Name at Azure", azureName, "Of the deployment. If empty, the name for attendees."),
      fieldOf("model", "Model", model, "Which model it is. If empty, Lanyard reads it from the name."),
      fieldOf("api", "API", api), fieldOf("api_version", "API version", version, "Only for the classic API."),
      fieldOf("tokens_per_minute", "Tokens per minute", tpm, "Azure's quota. Default limits follow from it."),
      fieldOf("requests_per_minute", "Requests per minute", rpm, "Azure's quota."))),
    h("fieldset", {}, h("legend", {}, "Credential"), h("div.grid", {},
      fieldOf("key", "Key", key, deployment && !deployment.identity ? "Leave empty to keep the stored key. It is never shown." : "It is stored and never shown."),
      fieldOf("identity.tenant_id", "Entra ID tenant", tenant, "Instead of a key."),
      fieldOf("identity.client_id", "Entra ID client", client))),
    h("fieldset", {}, h("legend", {}, "Operations"), h("div.checks", {}, operations.map(({ element }) => element)),
      h("span.problem", { "data-problem": "operations" })),
    h("details", {}, h("summary", {}, "Prices and facts of the model"),
      h("p.muted", {}, "Only for models that Lanyard does not know, or to replace what it knows."),
      h("div.grid", {},
        prices.map(({ name, label, unit, control }) => fieldOf(`prices.${name}`, label, control, unit)),
        fieldOf("context_window", "Context window", context, "Tokens of input and output together."),
        fieldOf("max_output_tokens", "Max output tokens", output),
        fieldOf("reasoning", "Reasoning", reasoning))),
    h("p.row.submit-row", {}, save, h("a.button", { href: "#deployments" }, "Cancel")));
  return form;
}
