// The attendees' API, called as any program would call it.

/** Where the API is: the address of this page up to `/api`. */
export const BASE = location.origin + location.pathname.slice(0, location.pathname.indexOf("/pages"));

/** What the API refused, in its own words. */
export class Refusal extends Error {
  constructor(status, error, headers) {
    super(error.message ?? `The service answered ${status}.`);
    this.status = status;
    this.code = error.code ?? "internal_error";
    this.param = error.param ?? null;
    this.details = error.details ?? [];
    this.requestId = headers?.get("x-request-id") ?? null;
    const wait = headers?.get("retry-after-ms");
    this.retryAfterMs = wait === null || wait === undefined ? null : Number(wait);
  }
}

/** The refusal that an answer carries. */
export async function refusal(answer) {
  const text = await answer.text();
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    // A proxy on the way answers in its own words: the status is all there is to tell.
  }
  return new Refusal(answer.status, error, answer.headers);
}

/** Sends a request; whatever is not a success is thrown as a `Refusal`. */
export async function send(path, options = {}) {
  let answer;
  try {
    answer = await fetch(BASE + path, { cache: "no-store", credentials: "omit", ...options });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    const message = "The service could not be reached. Check your connection and try again.";
    throw new Refusal(0, { message, code: "unreachable" });
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

/** The headers that carry a credential, `CODE/USER` or a key of one's own. */
export function credentialed(credential) {
  return { "openai-event-code": credential, "content-type": "application/json" };
}

/** The event, the models and what is left, for an attendee. */
export async function eventFor(credential) {
  const answer = await send("/v1/event", { headers: credentialed(credential) });
  return answer.json();
}

/** What anybody may know of an event by its id, or null where the service does not tell. */
export async function publicEvent(id) {
  if (!id) return null;
  try {
    const answer = await send(`/event/${encodeURIComponent(id)}`);
    return await answer.json();
  } catch (fault) {
    if (fault.status === 404) return null;
    throw fault;
  }
}

/** The name of the open event that a code is of, or null. */
export async function nameOf(code) {
  try {
    const answer = await send("/v1/eventinfo", { method: "POST", headers: { "openai-event-code": code } });
    return (await answer.json()).event_name;
  } catch {
    return null;
  }
}

/** Registers a name, or shows its key again to whoever has the same proof. */
export async function register(eventId, credential, proof) {
  const answer = await send(`/event/${encodeURIComponent(eventId)}/register`, {
    method: "POST", headers: credentialed(credential), body: JSON.stringify({ proof }),
  });
  return (await answer.json()).api_key;
}
