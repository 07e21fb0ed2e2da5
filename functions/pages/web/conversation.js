// @ts-check
// The turns of a playground conversation. They are kept in this tab's session, so that they survive a reload.

/** @import { ChatTurn, Message, ModelTurn, ResponseInput, Turn, UserTurn } from "../types.d.ts" */

import { ApiError } from "./api.js";

const STORAGE_KEY = "lanyard.playground";

/** @typedef {{ credential: string, model: string, settings: Record<string, string>, turns: Turn[] }} Stored */

/**
 * What was stored for a credential, or null.
 *
 * @param {string} credential
 * @returns {Stored | null}
 */
export function storedConversation(credential) {
  try {
    /** @type {Stored} */
    const stored = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null");
    if (stored?.credential !== credential) return null;
    const turns = stored.turns.map((turn) => (turn.role === "assistant" && isRunning(turn) ? { ...turn, state: /** @type {const} */ ("stopped") } : turn));
    for (const turn of turns) {
      if (turn.role !== "assistant" || !turn.error) continue;
      const error = /** @type {ApiError} */ (turn.error);
      turn.error = Object.assign(new ApiError(error.status, error), error);
    }
    return { ...stored, turns };
  } catch {
    return null;
  }
}

/**
 * Stores a conversation. Images are left out if there is no room for them.
 *
 * @param {Stored} conversation
 */
export function storeConversation(conversation) {
  const plain = conversation.turns;
  for (const turns of [plain, plain.map((turn) => ({ ...turn, images: [] }))]) {
    try {
      sessionStorage.setItem(STORAGE_KEY, JSON.stringify({ ...conversation, turns }));
      return;
    } catch {
      // The quota is exceeded.
    }
  }
}

/**
 * @param {string} text
 * @param {string[]} images
 * @returns {UserTurn}
 */
export function userTurn(text, images) {
  return { role: "user", text, images };
}

/**
 * A turn of the model that waits for its response.
 *
 * @param {string} model
 * @returns {ModelTurn}
 */
export function modelTurn(model) {
  return { role: "assistant", model, state: "waiting", text: "", reasoning: "", images: [], calls: [], results: null, cost: null, requestId: null, rating: null };
}

/**
 * Copies what has arrived into a turn.
 *
 * @param {ModelTurn} turn
 * @param {ChatTurn} arrived
 */
export function update(turn, arrived) {
  const { text, reasoning, images, calls, requestId, ...cost } = arrived;
  Object.assign(turn, { text, reasoning, images, calls, requestId, cost });
}

/** @param {ModelTurn} turn */
export function isRunning(turn) {
  return turn.state === "waiting" || turn.state === "streaming";
}

/**
 * The messages of a chat. Failed turns, and calls without results, are left out.
 *
 * @param {Turn[]} turns
 * @returns {Message[]}
 */
export function messagesOf(turns) {
  return turns.flatMap(/** @returns {Message[]} */ (turn) => {
    if (turn.role === "user") {
      const parts = turn.images.map((url) => /** @type {const} */ ({ type: "image_url", image_url: { url } }));
      return [{ role: "user", content: parts.length ? [{ type: "text", text: turn.text }, ...parts] : turn.text }];
    }
    const results = turn.results;
    const calls = results ? { tool_calls: turn.calls } : {};
    if (!turn.text && !results) return [];
    return [
      { role: "assistant", content: turn.text || null, ...calls },
      ...(results ?? []).map((content, index) => /** @type {const} */ ({ role: "tool", tool_call_id: turn.calls[index]?.id ?? "", content })),
    ];
  });
}

/**
 * The same as input of the Responses API.
 *
 * @param {Turn[]} turns
 * @returns {ResponseInput[]}
 */
export function inputOf(turns) {
  return turns.flatMap(/** @returns {ResponseInput[]} */ (turn) => {
    if (turn.role === "assistant") return turn.text ? [{ role: "assistant", content: turn.text }] : [];
    const parts = turn.images.map((url) => /** @type {const} */ ({ type: "input_image", image_url: url }));
    return [{ role: "user", content: parts.length ? [{ type: "input_text", text: turn.text }, ...parts] : turn.text }];
  });
}
