// @ts-check
// The organiser's deployments: what each serves, what is known of its model, and which events use it.

/** @import { Child, Deployment, OrganiserEvent } from "../types.d.ts" */

import { fill, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { testDeployment } from "./deployment-test.js";
import { ask } from "./form.js";
import { dollars, operationName } from "./limits.js";
import { number } from "./locale.js";
import { deleteDeployment, draftOf, putDeployment } from "./organiser-api.js";
import * as t from "./texts.js";

/**
 * The view of all deployments. `reload()` shows it anew after a change.
 *
 * @param {Deployment[]} deployments
 * @param {OrganiserEvent[]} events
 * @param {() => void} reload
 */
export function deploymentsView(deployments, events, reload) {
  const names = [...new Set(deployments.map(({ name }) => name))].sort();
  const head = h("div.row.spread.head", {}, h("h1", {}, t.deployments), h("a.button", { href: "#deployment-new" }, t.addDeployment));
  if (!names.length) {
    return [head, h("section.card", {}, h("p", {}, t.noDeploymentsYetA))];
  }
  return [head, ...names.map((name) => card(name, deployments.filter((each) => each.name === name), events, reload))];
}

/**
 * @param {string} name
 * @param {Deployment[]} replicas
 * @param {OrganiserEvent[]} events
 * @param {() => void} reload
 */
function card(name, replicas, events, reload) {
  const [first] = replicas;
  const result = h("div", { "aria-live": "polite", "data-result": name });
  const used = events.filter((event) => event.status !== "ended" && (event.deployments === null || event.deployments.includes(name)));
  const test = h("button.small", { type: "button", "data-action": "test", onclick: runTest }, t.test);
  async function runTest() {
    test.disabled = true;
    fill(result, h("p.muted", {}, t.testing));
    fill(result, await testDeployment(name, first?.operations ?? [], used));
    test.disabled = false;
  }
  return h("section.card", { "data-deployment": name, "aria-label": name },
    h("div.row.spread", {}, h("h2", {}, h("code", {}, name)),
      h("div.row", {}, test, h("a.button.small", { href: `#deployment-new=${encodeURIComponent(name)}` }, t.addReplica))),
    h("p", {}, h("span.muted", {}, t.serves), (first?.operations ?? []).map(operationName).join(", ")),
    [...new Set(replicas.flatMap(({ warnings }) => warnings ?? []))].map((warning) => h("p.note.warn", {}, warning)),
    result,
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": t.replicasOf(name) }, replicaTable(replicas, reload)),
    first ? factList(first) : null,
    used.length
      ? h("p", {}, h("span.muted", {}, t.eventsAre), used.flatMap((event, index) => [index ? ", " : "", h("a", { href: `#event=${event.id}` }, event.name)]))
      : h("p.muted", {}, t.noRunningOrPlanned));
}

/** The columns of replicas that have numbers. */
const NUMBERS = new Set([2, 3, 4]);

/**
 * @param {Deployment[]} replicas
 * @param {() => void} reload
 */
function replicaTable(replicas, reload) {
  const total = replicas.reduce((sum, { weight }) => sum + weight, 0);
  const share = (/** @type {Deployment} */ { weight }) => (total ? `${weight} (${Math.round((weight / total) * 100)} %)` : String(weight));
  const limit = (/** @type {number | null} */ value) => (value === null ? "unknown" : number(value));
  const row = (/** @type {Deployment} */ each) => h("tr", { "data-replica": each.replica },
    h("th", { scope: "row" }, each.replica),
    h("td", {}, h("span.mono.small", {}, each.endpoint.replace(/^https:\/\//, "")), h("br"), h("span.muted.small", {}, `${each.azure_name}, ${each.api === "v1" ? t.v1Api : t.apiVersionNumber(each.api_version ?? "")}`)),
    h("td.number", { "data-unit": t.weight }, share(each)),
    h("td.number", { "data-unit": t.tokensMin }, limit(each.tokens_per_minute)),
    h("td.number", { "data-unit": t.requestsMin }, limit(each.requests_per_minute)),
    h("td", {}, each.identity ? t.entraId : t.key),
    h("td", {}, h("div.row", {},
      h("a.button.small", { href: `#deployment=${encodeURIComponent(each.name)}&replica=${encodeURIComponent(each.replica)}` }, t.edit),
      each.identity ? null : h("button.small", { type: "button", "data-action": "rotate-key", onclick: () => rotateKey(each, reload) }, t.rotateKey),
      h("button.small.danger", { type: "button", "data-action": "delete", onclick: () => remove(each, reload) }, t.deleteButton))));
  const headers = [t.replica, t.atAzure, t.weight, t.tokensMin, t.requestsMin, t.credential, t.actions];
  return h("table.stacked", {}, h("thead", {}, h("tr", {}, headers.map((head, index) => h(NUMBERS.has(index) ? "th.number" : "th", { scope: "col" }, head)))),
    h("tbody", {}, replicas.map(row)));
}

/**
 * The facts of a model. What is not known is marked, because defaults apply then.
 *
 * @param {Deployment} deployment
 */
function factList(deployment) {
  const facts = deployment.facts ?? null;
  const unknown = () => h("span.badge.warn", {}, t.unknown);
  const tokens = (/** @type {number | null | undefined} */ own, /** @type {number | null | undefined} */ known) =>
    (own ? t.tokensSetByYou(own) : known ? t.tokenCount(known) : unknown());
  const reasons = deployment.reasoning ?? facts?.reasoning ?? null;
  const price = deployment.prices ?? facts?.prices ?? null;
  /** @type {[string, Child][]} */
  const rows = [
    [t.model, deployment.model ?? (facts ? deployment.azure_name : unknown())],
    [t.contextWindow, tokens(deployment.context_window, facts?.context_window)],
    [t.maxOutput, tokens(deployment.max_output_tokens, facts?.max_output_tokens)],
    [t.reasoning, reasons === null ? unknown() : reasons ? t.yes : t.no],
    [t.pricePerMillionTokens, price?.prompt === null || price?.prompt === undefined ? unknown()
      : t.priceOf(dollars(price.prompt), price.completion === null || price.completion === undefined ? null : dollars(price.completion), Boolean(deployment.prices))],
    [t.retires, facts ? facts.retires_on ?? t.noDatePublished : unknown()],
  ];
  return h("dl.facts", {}, rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

/**
 * @param {Deployment} deployment
 * @param {() => void} reload
 */
async function rotateKey(deployment, reload) {
  const key = h("input", { id: "new-key", type: "password", required: true, autocomplete: "off", spellcheck: "false", class: "mono" });
  const content = [
    h("p", {}, t.theNewKeyReplaces(deployment.name, deployment.replica)),
    h("p", {}, h("label", { for: "new-key" }, t.newKey), key),
  ];
  if (!(await ask(t.rotateKey, { yes: t.saveKey, content }))) return;
  const put = async () => { await putDeployment(deployment.name, { ...draftOf(deployment), key: key.value.trim() }); };
  await change(put, t.theKeyOfWas(deployment.name), reload);
}

/**
 * @param {Deployment} deployment
 * @param {() => void} reload
 */
async function remove(deployment, reload) {
  const content = h("p", {}, t.itsStoredKeyIs);
  if (!(await ask(t.deleteReplicaQuestion(deployment.name, deployment.replica), { yes: t.deleteButton, isDangerous: true, content }))) return;
  await change(() => deleteDeployment(deployment.name, deployment.replica), t.wasDeleted(deployment.name, deployment.replica), reload);
}

/**
 * Makes a change, and shows the warnings that it returns.
 *
 * @param {() => Promise<string[] | void>} request
 * @param {string} done
 * @param {() => void} reload
 */
async function change(request, done, reload) {
  const place = document.querySelector("#error");
  try {
    const warnings = (await request()) ?? [];
    reload();
    if (place) fill(place, h("p.note.good", { role: "status" }, done), warnings.map((warning) => h("p.note.warn", { role: "status" }, warning)));
  } catch (error) {
    if (place) fill(place, errorNote(error));
    place?.scrollIntoView({ block: "nearest" });
  }
}
