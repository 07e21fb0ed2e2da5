// @ts-check
// Requests of the playground: chat completions and responses, read from server-sent events, and images.

/** @import { ChatChunk, ChatRequest, ChatTurn, ImageRequest, ResponseEvent, ResponsesRequest, ToolCall, ToolCallDelta } from "../types.d.ts" */

import { authHeaders, ApiError, send } from "./api.js";

/** @typedef {{ signal: AbortSignal, onUpdate: (turn: ChatTurn) => void }} Options */

/**
 * Sends a request and returns a turn that `read` fills while the response arrives.
 *
 * @param {string} path
 * @param {string} credential
 * @param {object} body
 * @param {Options} options
 * @param {(response: Response, turn: ChatTurn, isFirst: () => void) => Promise<void>} read
 */
async function request(path, credential, body, { signal }, read) {
  const startedAt = performance.now();
  const response = await send(path, { method: "POST", headers: authHeaders(credential), body: JSON.stringify(body), signal });
  /** @type {ChatTurn} */
  const turn = {
    text: "", reasoning: "", images: [], calls: [], usage: null, finishReason: null, firstTokenMs: null, totalMs: null,
    requestId: response.headers.get("x-request-id"),
    maxTokens: response.headers.get("x-event-max-tokens"),
    droppedTools: response.headers.get("x-event-dropped-tools"),
  };
  await read(response, turn, () => { turn.firstTokenMs ??= performance.now() - startedAt; });
  turn.totalMs = performance.now() - startedAt;
  return turn;
}

/**
 * A chat. `onUpdate(turn)` is called after each piece.
 *
 * @param {string} credential
 * @param {ChatRequest} body
 * @param {Options} options
 */
export function chat(credential, body, options) {
  return request("/v1/chat/completions", credential, body, options, async (response, turn, isFirst) => {
    for await (const chunk of /** @type {AsyncGenerator<ChatChunk>} */ (events(response.body))) {
      if (chunk.error) throw new ApiError(response.status, chunk.error, response.headers);
      turn.usage = chunk.usage ?? turn.usage;
      const [choice] = chunk.choices ?? [];
      if (!choice) continue;
      turn.finishReason = choice.finish_reason ?? turn.finishReason;
      const delta = choice.delta ?? {};
      if (delta.content || delta.reasoning_content || delta.tool_calls) isFirst();
      turn.text += delta.content ?? "";
      turn.reasoning += delta.reasoning_content ?? "";
      for (const part of delta.tool_calls ?? []) mergeToolCall(turn.calls, part);
      options.onUpdate(turn);
    }
  });
}

/**
 * The same with the Responses API, which has summaries of the reasoning and generated images.
 *
 * @param {string} credential
 * @param {ResponsesRequest} body
 * @param {Options} options
 */
export function respond(credential, body, options) {
  return request("/v1/responses", credential, body, options, async (response, turn, isFirst) => {
    for await (const event of /** @type {AsyncGenerator<ResponseEvent>} */ (events(response.body))) {
      const failed = event.response?.error ?? (event.type === "error" ? event.error ?? event : null);
      if (failed) throw new ApiError(response.status, failed, response.headers);
      if (event.type === "response.output_text.delta" || event.type === "response.refusal.delta") turn.text += event.delta ?? "";
      else if (event.type === "response.reasoning_summary_text.delta") turn.reasoning += event.delta ?? "";
      else if (event.type === "response.reasoning_summary_part.added" && turn.reasoning) turn.reasoning += "\n\n";
      else if (event.type === "response.output_item.done" && event.item?.type === "image_generation_call" && event.item.result) {
        turn.images.push(`data:image/png;base64,${event.item.result}`);
      } else if (event.response?.usage) {
        const used = event.response.usage;
        turn.usage = { requests: 1, prompt_tokens: used.input_tokens, completion_tokens: used.output_tokens, total_tokens: used.total_tokens };
        turn.finishReason = event.response.incomplete_details?.reason === "max_output_tokens" ? "length" : "stop";
        continue;
      } else continue;
      isFirst();
      options.onUpdate(turn);
    }
  });
}

/**
 * Generated images.
 *
 * @param {string} credential
 * @param {ImageRequest} body
 * @param {Options} options
 */
export function generateImage(credential, body, options) {
  return request("/v1/images/generations", credential, body, options, async (response, turn) => {
    /** @type {{ data?: { b64_json?: string, url?: string }[], output_format?: string }} */
    const { data = [], output_format: format = "png" } = await response.json();
    turn.images = data.flatMap(({ b64_json: base64, url }) => (base64 ? [`data:image/${format};base64,${base64}`] : url ? [url] : []));
    options.onUpdate(turn);
  });
}

/**
 * Rates a response by the id of its request.
 *
 * @param {string} credential
 * @param {string} requestId
 * @param {1 | -1} rating
 */
export async function rate(credential, requestId, rating) {
  await send(`/v1/responses/${encodeURIComponent(requestId)}/rate`, {
    method: "POST", headers: authHeaders(credential), body: JSON.stringify({ rating }),
  });
}

/**
 * A tool call arrives in parts that share an index.
 *
 * @param {ToolCall[]} calls
 * @param {ToolCallDelta} part
 */
function mergeToolCall(calls, part) {
  const index = part.index ?? 0;
  /** @type {ToolCall} */
  const call = calls[index] ?? { id: "", type: "function", function: { name: "", arguments: "" } };
  calls[index] = call;
  if (part.id) call.id = part.id;
  call.function.name += part.function?.name ?? "";
  call.function.arguments += part.function?.arguments ?? "";
}

/**
 * The JSON objects of an event stream.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>> | null} stream
 * @returns {AsyncGenerator<unknown>}
 */
async function* events(stream) {
  if (!stream) return;
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      buffer += value;
      const parts = buffer.split(/\r?\n\r?\n/);
      buffer = parts.pop() ?? "";
      for (const part of parts) {
        const data = part.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
        // Read to the end of the stream, so that the connection can be reused.
        if (!data.length || data[0] === "[DONE]") continue;
        yield JSON.parse(data.join("\n"));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
