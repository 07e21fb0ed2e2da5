// @ts-check
// A chat completion as it comes: server-sent events, read by hand.

/** @import { ChatChunk, ChatRequest, ChatTurn, ToolCall, ToolCallDelta } from "../types.d.ts" */

import { credentialed, Refusal, send } from "./api.js";

/**
 * Sends a chat and calls `heard(delta)` for each piece. Gives what came of it: the text, the calls of functions, the
 * usage, why it ended and how long it took.
 *
 * @param {string} credential
 * @param {ChatRequest} body
 * @param {{ signal: AbortSignal, heard: (delta: string) => void }} options
 */
export async function chat(credential, body, { signal, heard }) {
  const begun = performance.now();
  const answer = await send("/v1/chat/completions", {
    method: "POST", headers: credentialed(credential), body: JSON.stringify(body), signal,
  });
  /** @type {ChatTurn} */
  const turn = {
    text: "", calls: [], usage: null, ended: null, firstMs: null, totalMs: null,
    cappedFrom: answer.headers.get("x-event-max-tokens"),
  };
  for await (const chunk of frames(answer.body)) {
    if (chunk.error) throw new Refusal(answer.status, chunk.error, answer.headers);
    turn.usage = chunk.usage ?? turn.usage;
    const [choice] = chunk.choices ?? [];
    if (!choice) continue;
    turn.ended = choice.finish_reason ?? turn.ended;
    const delta = choice.delta ?? {};
    if (delta.content || delta.tool_calls) turn.firstMs ??= performance.now() - begun;
    if (delta.content) {
      turn.text += delta.content;
      heard(delta.content);
    }
    for (const piece of delta.tool_calls ?? []) gather(turn.calls, piece);
  }
  turn.totalMs = performance.now() - begun;
  return turn;
}

/**
 * A function's call comes in pieces, by their index.
 *
 * @param {ToolCall[]} calls
 * @param {ToolCallDelta} piece
 */
function gather(calls, piece) {
  const index = piece.index ?? 0;
  /** @type {ToolCall} */
  const call = calls[index] ?? { id: "", type: "function", function: { name: "", arguments: "" } };
  calls[index] = call;
  if (piece.id) call.id = piece.id;
  call.function.name += piece.function?.name ?? "";
  call.function.arguments += piece.function?.arguments ?? "";
}

/**
 * The objects of a stream of events.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>> | null} stream
 * @returns {AsyncGenerator<ChatChunk, void>}
 */
async function* frames(stream) {
  if (!stream) return;
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      waiting += value;
      const whole = waiting.split(/\r?\n\r?\n/);
      waiting = whole.pop() ?? "";
      for (const frame of whole) {
        const data = frame.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
        if (!data.length) continue;
        // What follows is the end of the stream; reading it lets the connection be used again.
        if (data[0] === "[DONE]") continue;
        yield JSON.parse(data.join("\n"));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
