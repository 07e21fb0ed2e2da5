// @ts-check
// A streamed chat completion, read from server-sent events.

/** @import { ChatChunk, ChatRequest, ChatTurn, ToolCall, ToolCallDelta } from "../types.d.ts" */

import { authHeaders, ApiError, send } from "./api.js";

/**
 * Sends a chat and calls `onText(delta)` for each piece of text. Returns the text, tool calls, usage, finish reason and
 * times.
 *
 * @param {string} credential
 * @param {ChatRequest} body
 * @param {{ signal: AbortSignal, onText: (delta: string) => void }} options
 */
export async function chat(credential, body, { signal, onText }) {
  const startedAt = performance.now();
  const response = await send("/v1/chat/completions", {
    method: "POST", headers: authHeaders(credential), body: JSON.stringify(body), signal,
  });
  /** @type {ChatTurn} */
  const turn = {
    text: "", calls: [], usage: null, finishReason: null, firstTokenMs: null, totalMs: null,
    maxTokens: response.headers.get("x-event-max-tokens"),
    droppedTools: response.headers.get("x-event-dropped-tools"),
  };
  for await (const chunk of chunks(response.body)) {
    if (chunk.error) throw new ApiError(response.status, chunk.error, response.headers);
    turn.usage = chunk.usage ?? turn.usage;
    const [choice] = chunk.choices ?? [];
    if (!choice) continue;
    turn.finishReason = choice.finish_reason ?? turn.finishReason;
    const delta = choice.delta ?? {};
    if (delta.content || delta.tool_calls) turn.firstTokenMs ??= performance.now() - startedAt;
    if (delta.content) {
      turn.text += delta.content;
      onText(delta.content);
    }
    for (const part of delta.tool_calls ?? []) mergeToolCall(turn.calls, part);
  }
  turn.totalMs = performance.now() - startedAt;
  return turn;
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
 * The JSON chunks of an event stream.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>> | null} stream
 * @returns {AsyncGenerator<ChatChunk, void>}
 */
async function* chunks(stream) {
  if (!stream) return;
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      buffer += value;
      const events = buffer.split(/\r?\n\r?\n/);
      buffer = events.pop() ?? "";
      for (const event of events) {
        const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
        if (!data.length) continue;
        // Read to the end of the stream, so that the connection can be reused.
        if (data[0] === "[DONE]") continue;
        yield JSON.parse(data.join("\n"));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
