// The API's description to read: drawn from openapi.json, so there is one text and not two.

import { byId, fill, h } from "./dom.js";

const BASE = location.origin + location.pathname.slice(0, location.pathname.lastIndexOf("/docs"));

const METHODS = ["get", "post", "put", "patch", "delete"];

show();

async function show() {
  const main = byId("main");
  const answer = await fetch(`${BASE}/openapi.json`, { credentials: "omit" });
  if (!answer.ok) return fill(main, h("h1", {}, "The API"), h("p.note.bad", { role: "alert" }, "The description could not be read. Try again."));
  const description = await answer.json();
  const all = Object.entries(description.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method], parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])] })));
  fill(main,
    h("h1", {}, "The API"),
    h("p", {}, description.info.description),
    h("p", {}, "Its address is ", h("code", {}, BASE), "."),
    h("section.card", {}, h("h2", {}, "Proofs of who you are"), h("ul", {}, Object.values(description.components.securitySchemes).map(scheme))),
    description.tags.map(({ name }) => h("section.card", { "data-tag": name }, h("h2", {}, name),
      all.filter((operation) => operation.tags.includes(name)).map((operation) => one(operation, description)))));
}

function scheme(each) {
  const where = each.type === "http" ? "Authorization: Bearer …" : `${each.name}: …`;
  return h("li", {}, h("code", {}, where), ` ${each.description}`);
}

function one(operation, description) {
  const parameters = operation.parameters.map((each) => followed(each, description));
  const body = operation.requestBody?.content;
  const answers = Object.entries(operation.responses).filter(([status]) => status !== "default");
  return h("details.operation", { "data-operation": operation.operationId },
    h("summary", {}, h("span.method", {}, operation.method.toUpperCase()), h("code", {}, operation.path), h("span.soft", {}, operation.summary)),
    h("div.inner", {},
      operation.description ? h("p", {}, operation.description) : null,
      operation.security?.length === 0 ? h("p", {}, "Needs no proof.") : null,
      parameters.length ? [h("h3", {}, "Parameters"), h("ul", {}, parameters.map((each) =>
        h("li", {}, h("code", {}, each.name), ` in the ${each.in}, ${words(each.schema)}. ${each.description ?? ""}`)))] : null,
      body ? [h("h3", {}, "Body"), Object.entries(body).map(([type, { schema }]) => shape(type, schema, description))] : null,
      answers.length ? [h("h3", {}, "Answer"), answers.map(([status, { content }]) =>
        Object.entries(content ?? {}).map(([type, { schema }]) => shape(`${status}, ${type}`, schema, description)))] : null));
}

function shape(label, schema, description) {
  return [h("p.soft.small", {}, label), h("pre", { tabindex: "0" }, h("code", {}, outline(schema, description, "")))];
}

/** A schema as people read it: names, kinds and what each means. */
function outline(schema, description, indent) {
  const real = followed(schema, description);
  const item = real.items && followed(real.items, description);
  if (item?.properties) return `list of ${outline(item, description, indent)}`;
  if (!real.properties) return `${words(real, description)}${real.description ? `. ${real.description}` : ""}`;
  const deeper = `${indent}  `;
  const lines = Object.entries(real.properties).map(([name, part]) => {
    const mark = real.required?.includes(name) ? "" : "?";
    return `${deeper}${name}${mark}: ${outline(part, description, deeper)}`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function words(schema, description) {
  if (schema.$ref && description) return words(followed(schema, description), description);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf) return schema.anyOf.map((each) => words(each, description)).join(" or ");
  if (schema.type === "array") return `list of ${words(schema.items, description)}`;
  return [schema.type ?? "object"].flat().join(" or ");
}

function followed(schema, description) {
  if (!schema.$ref) return schema;
  const found = schema.$ref.slice(2).split("/").reduce((part, name) => part[name], description);
  return schema.description ? { ...found, description: schema.description } : found;
}
