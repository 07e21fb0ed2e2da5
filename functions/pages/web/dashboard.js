// @ts-check
// The organiser dashboard: sign in, list events, and show the view in the URL's fragment.

import { asApiError } from "./api.js";
import { deploymentForm } from "./deployment-form.js";
import { deploymentsView } from "./deployments.js";
import { byId, fill, find, fragment, h } from "./dom.js";
import { errorNote } from "./errors.js";
import { eventForm } from "./event-form.js";
import { eventList } from "./event-list.js";
import { eventView } from "./event-view.js";
import { listDeployments, listEvents, listOwnDeployments, putOwnDeployment, readEvent, setToken, token } from "./organiser-api.js";
import { tokensView } from "./tokens.js";
import * as t from "./texts.js";

/** Stops the current view before another is shown. */
let stopView = () => {};
let opens = 0;

const tokenField = find(document, "#token", HTMLInputElement);

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken(tokenField.value.trim());
  tokenField.value = "";
  open();
});
byId("sign-out").addEventListener("click", () => {
  setToken(null);
  open();
});
addEventListener("hashchange", async () => {
  const moved = opens + 1;
  await open();
  if (moved !== opens) return;
  scrollTo(0, 0);
  // The link that led here is gone. The keyboard goes on in the new view.
  if (document.activeElement === document.body) byId("main").focus({ preventScroll: true });
});
open();

async function open() {
  stopView();
  stopView = () => {};
  opens += 1;
  const opened = opens;
  const isSignedIn = token() !== null;
  byId("sign-in").hidden = isSignedIn;
  byId("nav").hidden = !isSignedIn;
  fill(byId("error"));
  markNav();
  if (!isSignedIn) {
    fill(byId("view"));
    tokenField.focus();
    return;
  }
  try {
    const [elements, stop] = await currentView();
    if (opened !== opens) return stop?.();
    stopView = stop ?? stopView;
    fill(byId("view"), elements);
  } catch (cause) {
    if (opened !== opens) return;
    const error = asApiError(cause);
    fill(byId("view"));
    if (error.status === 401) {
      setToken(null);
      byId("sign-in").hidden = false;
      byId("nav").hidden = true;
    }
    fill(byId("error"), errorNote(error, error.status === 401 ? null : open));
  }
}

/** Marks the part of the dashboard in which the view is. */
function markNav() {
  const [name = ""] = [...fragment().keys()];
  const part = name === "tokens" ? "#tokens" : /^(own-)?deployment/.test(name) ? "#deployments" : "#events";
  for (const link of byId("nav").querySelectorAll("a")) {
    if (link.getAttribute("href") === part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/**
 * The elements of the view in the fragment, and a function that stops it.
 *
 * @returns {Promise<[HTMLElement[], (() => void)?]>}
 */
async function currentView() {
  const parameters = fragment();
  if (parameters.has("deployments")) {
    document.title = t.deploymentsLanyard;
    const [deployments, events] = await Promise.all([listDeployments(), listEvents()]);
    return [deploymentsView(deployments, events, open)];
  }
  const [added, named] = [parameters.get("deployment-new"), parameters.get("deployment")];
  if (added !== null || named) {
    document.title = t.deploymentLanyard;
    const known = named ? (await listDeployments()).find(({ name, replica }) => name === named && replica === parameters.get("replica")) : null;
    return [[deploymentForm(known ?? null, added ?? named ?? "", () => { location.hash = "deployments"; })]];
  }
  const [ownAt, user] = [parameters.get("own-deployment"), parameters.get("user")];
  if (ownAt && user) {
    document.title = t.deploymentLanyard;
    return [[h("p.note", {}, t.onlyUsesThisDeployment(user)),
      deploymentForm(null, "", () => { location.hash = `event=${ownAt}`; }, {
        list: () => listOwnDeployments(ownAt, user),
        put: (name, draft) => putOwnDeployment(ownAt, user, name, draft),
        edit: null,
      })]];
  }
  if (parameters.has("tokens")) {
    document.title = t.tokensLanyard;
    return [tokensView()];
  }
  if (parameters.has("new")) {
    document.title = t.newEventLanyard;
    const [events, deployments] = await Promise.all([listEvents(), listDeployments()]);
    return [[eventForm(null, events, deployments, (made) => { location.hash = `event=${made.id}`; })]];
  }
  const [edited, watched] = [parameters.get("edit"), parameters.get("event")];
  if (edited) {
    const [event, events, deployments] = await Promise.all([readEvent(edited), listEvents(), listDeployments()]);
    document.title = `${event.name} · Lanyard`;
    return [[eventForm(event, events, deployments, (changed) => { location.hash = `event=${changed.id}`; })]];
  }
  if (watched) {
    const event = await readEvent(watched);
    document.title = `${event.name} · Lanyard`;
    return eventView(event);
  }
  document.title = t.eventsLanyard;
  return [[eventList(await listEvents())]];
}
