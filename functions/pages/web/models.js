// @ts-check
// Which models an event offers, and what each serves.

/** @import { Offered } from "../types.d.ts" */

import { OPERATIONS } from "./limits.js";

/** Operations that keep something at Azure. Nobody chooses a model by them. */
const OF_OBJECTS = new Set(["conversations", "files", "vector_stores", "assistants", "threads", "containers"]);
/** Operations that an event without stored objects refuses. */
const NEED_STORED_OBJECTS = new Set([...OF_OBJECTS, "videos"]);

/**
 * The deployments that an event offers, by name, with what attendees may use there: replicas are one.
 *
 * @param {{ deployments: string[] | null, keeps_objects: boolean }} event
 * @param {Offered[]} deployments
 * @returns {Offered[]}
 */
export function offered({ deployments: chosen, keeps_objects: keepsObjects }, deployments) {
  const names = [...new Set(deployments.map(({ name }) => name))].filter((name) => chosen === null || chosen.includes(name)).sort();
  return names.map((name) => {
    const all = deployments.filter((each) => each.name === name).flatMap(({ operations }) => operations);
    return { name, operations: [...new Set(all)].filter((operation) => keepsObjects || !NEED_STORED_OBJECTS.has(operation)) };
  });
}

/**
 * The default model for an operation, else the first one that serves it; null if none does.
 *
 * @param {string} operation
 * @param {Record<string, string>} defaults
 * @param {Offered[]} models
 */
export function modelFor(operation, defaults, models) {
  const serving = models.filter(({ operations }) => operations.includes(operation)).map(({ name }) => name);
  const usual = defaults[operation];
  return (usual !== undefined && serving.includes(usual) ? usual : serving[0]) ?? null;
}

/**
 * The models that serve the same operations, together. Chat comes first.
 *
 * @param {Offered[]} models
 * @returns {{ operations: string[], names: string[] }[]}
 */
export function byOperations(models) {
  /** @type {Map<string, { operations: string[], names: string[] }>} */
  const groups = new Map();
  for (const { name, operations } of models) {
    const called = operations.filter((operation) => !OF_OBJECTS.has(operation));
    const group = groups.get(called.join()) ?? { operations: called, names: [] };
    group.names.push(name);
    groups.set(called.join(), group);
  }
  const place = (/** @type {string[]} */ [first = ""]) => OPERATIONS.indexOf(first);
  return [...groups.values()].filter(({ operations }) => operations.length > 0).sort((one, other) => place(one.operations) - place(other.operations));
}
