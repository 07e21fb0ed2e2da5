// @ts-check
// The form to add or edit a deployment.

/** @import { Deployment, DeploymentDraft, Prices } from "../types.d.ts" */

import { asApiError } from "./api.js";
import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { checkbox, clearProblems, fieldOf, options, showProblems } from "./form.js";
import { OPERATIONS, operationName } from "./limits.js";
import { listDeployments, putDeployment } from "./organiser-api.js";
import * as t from "./texts.js";

const PER_MILLION = t.dollarsPerMillionTokens;

/**
 * Each price, its label and its unit.
 *
 * @type {[keyof Prices, string, string][]}
 */
const PRICES = [
  ["prompt", t.inputPrice, PER_MILLION], ["completion", t.outputPrice, PER_MILLION],
  ["cached_prompt", t.cachedInputPrice, PER_MILLION], ["cache_write", t.cacheWritePrice, PER_MILLION],
  ["image", t.imagePrice, t.dollarsForOneImage], ["audio_second", t.audioPrice, t.dollarsForASecond],
  ["character", t.textToSpeechPrice, t.dollarsForACharacter], ["video_second", t.videoPrice, t.dollarsForASecond],
];

/**
 * Where the deployments are: the organiser's own, unless others are given.
 *
 * @typedef {{
 *   list: () => Promise<Deployment[]>,
 *   put: (name: string, draft: DeploymentDraft) => Promise<unknown>,
 *   edit: ((deployment: Deployment) => string) | null,
 * }} DeploymentPlace
 */

/** @type {DeploymentPlace} */
const OF_ORGANISER = {
  list: listDeployments,
  put: putDeployment,
  edit: ({ name, replica }) => `#${new URLSearchParams({ deployment: name, replica })}`,
};

/**
 * The form for a deployment, or for a new one if it is null. `done()` is called after it was saved.
 *
 * @param {Deployment | null} deployment
 * @param {string} name
 * @param {() => void} done
 * @param {DeploymentPlace} place
 */
export function deploymentForm(deployment, name, done, place = OF_ORGANISER) {
  const result = h("div", { "aria-live": "assertive" });
  const save = h("button.main", {}, deployment ? t.saveChanges : t.addDeployment);
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
  const api = h("select", {}, options([["v1", "v1"], ["classic", t.classicWithAnApi]]));
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
  const reasoning = h("select", {}, options([["", t.asKnownOfThe], ["true", t.yes], ["false", t.no]]));
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
      const taken = deployment ? null : await sameAs(nameField.value.trim(), draft().replica ?? "main");
      if (taken) {
        fill(result, h("div.note.bad", { role: "alert", "data-code": "name_taken" },
          h("p", {}, t.deploymentIsThere(taken.name, taken.replica)),
          place.edit ? h("p", {}, h("a.button.small", { href: place.edit(taken) }, t.editReplica(taken.name, taken.replica))) : null));
        return;
      }
      await place.put(nameField.value.trim(), draft());
      done();
    } catch (error) {
      fill(result, errorNote(error));
      showProblems(form, asApiError(error).details);
    } finally {
      save.disabled = false;
    }
  }

  /**
   * The deployment that a new one would replace. Names are compared as in requests.
   *
   * @param {string} wanted
   * @param {string} ofReplica
   */
  async function sameAs(wanted, ofReplica) {
    const all = await place.list();
    return all.find((one) => one.name.toLowerCase() === wanted.toLowerCase() && one.replica === ofReplica);
  }

  const form = h("form.card", { onsubmit: submit, novalidate: true, id: "deployment-form" },
    h("h1", {}, deployment ? t.editReplica(deployment.name, deployment.replica) : name ? t.addAReplicaOf(name) : t.addDeployment),
    result,
    h("fieldset", {}, h("legend", {}, t.nameLabel), h("div.grid", {},
      fieldOf("name", t.modelNameForAttendees, nameField, t.whatRequestsNameAs),
      fieldOf("replica", t.replica, replica, t.severalDeploymentsOfOne),
      fieldOf("weight", t.weight, weight, t.shareOfTheLoad))),
    h("fieldset", {}, h("legend", {}, t.atAzure), h("div.grid", {},
      h("div.wide", {}, fieldOf("endpoint", t.endpoint, endpoint, t.keysAndEndpointOf)),
      fieldOf("azure_name", t.nameAtAzure, azureName, t.ofTheDeploymentIf),
      fieldOf("model", t.model, model, t.whichModelItIs),
      fieldOf("api", t.api, api), fieldOf("api_version", t.apiVersion, version, t.onlyForTheClassic),
      fieldOf("tokens_per_minute", t.tokensPerMinute, tpm, t.azuresQuotaDefaultLimits),
      fieldOf("requests_per_minute", t.requestsPerMinute, rpm, t.azuresQuota))),
    h("fieldset", {}, h("legend", {}, t.credential), h("div.grid", {},
      fieldOf("key", t.key, key, deployment && !deployment.identity ? t.leaveEmptyToKeep : t.itIsStoredAnd),
      fieldOf("identity.tenant_id", t.entraIdTenant, tenant, t.insteadOfAKey),
      fieldOf("identity.client_id", t.entraIdClient, client))),
    h("fieldset", {}, h("legend", {}, t.operations), h("div.checks", {}, operations.map(({ element }) => element)),
      h("span.problem", { "data-problem": "operations" })),
    h("details", {}, h("summary", {}, t.pricesAndFactsOf),
      h("p.muted", {}, t.onlyForModelsThat),
      h("div.grid", {},
        prices.map(({ name, label, unit, control }) => fieldOf(`prices.${name}`, label, control, unit)),
        fieldOf("context_window", t.contextWindow, context, t.tokensOfInputAnd),
        fieldOf("max_output_tokens", t.maxOutputTokens, output),
        fieldOf("reasoning", t.reasoning, reasoning))),
    h("p.row.submit-row", {}, save, h("a.button", { href: "#deployments" }, t.cancel)));
  return form;
}
