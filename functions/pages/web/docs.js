// @ts-check
// The API reference, rendered from openapi.json.

/** @import { ApiDescription, Operation, Parameter, Schema, SecurityScheme } from "../types.d.ts" */

import { byId, coded, fill, h } from "./dom.js";
import * as t from "./texts.js";

const BASE = location.origin + location.pathname.slice(0, location.pathname.lastIndexOf("/docs"));

/** @type {("get" | "post" | "put" | "patch" | "delete")[]} */
const METHODS = ["get", "post", "put", "patch", "delete"];

show();

async function show() {
  const main = byId("main");
  const response = await fetch(`${BASE}/openapi.json`, { credentials: "omit" });
  if (!response.ok) {
    fill(main, h("h1", {}, t.api), h("p.note.bad", { role: "alert" }, t.theApiDescriptionCould));
    return;
  }
  /** @type {ApiDescription} */
  const description = await response.json();
  const all = Object.entries(description.paths).flatMap(([path, item]) => METHODS.flatMap((method) => {
    const operation = item[method];
    return operation ? [{ path, method, ...operation, parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])] }] : [];
  }));
  fill(main,
    h("h1", {}, t.api),
    h("p", {}, coded(description.info.description)),
    h("p", {}, t.baseUrl, h("code", {}, BASE)),
    h("section.card", {}, h("h2", {}, t.authentication), h("ul", {}, Object.values(description.components.securitySchemes).map(scheme))),
    description.tags.map(({ name }) => h("section.card", { "data-tag": name }, h("h2", {}, name),
      all.filter((operation) => operation.tags.includes(name)).map((operation) => operationView(operation, description)))));
}

/** @param {SecurityScheme} each */
function scheme(each) {
  const where = each.type === "http" ? "Authorization: Bearer …" : `${each.name}: …`;
  return h("li", {}, h("code", {}, where), " ", coded(each.description));
}

/**
 * @param {Operation} operation
 * @param {ApiDescription} description
 */
function operationView(operation, description) {
  const parameters = operation.parameters.map((each) => /** @type {Parameter} */ (resolved(each, description)));
  const body = operation.requestBody?.content;
  const responses = Object.entries(operation.responses).filter(([status]) => status !== "default");
  return h("details.operation", { "data-operation": operation.operationId },
    h("summary", {}, h("span.method", {}, operation.method.toUpperCase()), h("code", {}, operation.path), h("span.muted", {}, coded(operation.summary))),
    h("div.inner", {},
      operation.description ? h("p", {}, coded(operation.description)) : null,
      operation.security?.length === 0 ? h("p", {}, t.noAuthenticationNeeded) : null,
      parameters.length ? [h("h3", {}, t.parameters), h("ul", {}, parameters.map((each) =>
        h("li", {}, h("code", {}, each.name), t.inThe(each.in, typeName(each.schema)), coded(each.description ?? ""))))] : null,
      body ? [h("h3", {}, t.requestBody), Object.entries(body).map(([type, { schema }]) => schemaView(type, schema, description))] : null,
      responses.length ? [h("h3", {}, t.response), responses.map(([status, { content }]) =>
        Object.entries(content ?? {}).map(([type, { schema }]) => schemaView(`${status}, ${type}`, schema, description)))] : null));
}

/**
 * @param {string} label
 * @param {Schema} schema
 * @param {ApiDescription} description
 */
function schemaView(label, schema, description) {
  return [h("p.muted.small", {}, label), h("pre", { tabindex: "0" }, h("code", {}, outline(schema, description, "")))];
}

/**
 * A schema as an outline of names, types and descriptions.
 *
 * @param {Schema} schema
 * @param {ApiDescription} description
 * @param {string} indent
 * @returns {string}
 */
function outline(schema, description, indent) {
  const target = resolved(schema, description);
  const item = target.items && resolved(target.items, description);
  if (item?.properties) return t.listOf(outline(item, description, indent));
  // All of it is code already.
  const words = target.description?.replaceAll("`", "").replaceAll(/\s+/g, " ");
  if (!target.properties) return `${typeName(target, description)}${words ? `. ${words}` : ""}`;
  const deeper = `${indent}  `;
  const lines = Object.entries(target.properties).map(([name, part]) => {
    const mark = target.required?.includes(name) ? "" : "?";
    return `${deeper}${name}${mark}: ${outline(part, description, deeper)}`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

/**
 * @param {Schema} schema
 * @param {ApiDescription} [description]
 * @returns {string}
 */
function typeName(schema, description) {
  if (schema.$ref && description) return typeName(resolved(schema, description), description);
  if (schema.enum) return schema.enum.map((value) => value ?? "null").join(" | ");
  if (schema.anyOf) return schema.anyOf.map((each) => typeName(each, description)).join(t.or);
  if (schema.type === "array") return t.listOf(schema.items ? typeName(schema.items, description) : t.anything);
  return [schema.type ?? "object"].flat().join(t.or);
}

/**
 * Resolves a reference. A description beside the reference replaces that of the target.
 *
 * @template {{ $ref?: string, description?: string }} T
 * @param {T} schema
 * @param {ApiDescription} description
 * @returns {T}
 */
function resolved(schema, description) {
  if (!schema.$ref) return schema;
  /** @type {unknown} */
  let found = description;
  for (const name of schema.$ref.slice(2).split("/")) found = /** @type {Record<string, unknown>} */ (found)[name];
  return { .../** @type {T} */ (found), ...(schema.description ? { description: schema.description } : {}) };
}
