/** The page: one stream of snapshots, one view at a time, drawn anew with each. */
import type { Snapshot } from "../../../inference/dashboard-report.ts";
import { otherZone, zoneNow } from "./clock.ts";
import { byId, el, focusOf, isBusy, isMarked } from "./dom.ts";
import { heldOf, hold, pointsBefore, type Told } from "./held.ts";
import { History, type Point } from "./history.ts";
import { frozenText, gone, nowhere } from "./instead.ts";
import { showKeys } from "./keys.ts";
import { askToLogin, type Who, whoAmI } from "./login.ts";
import { here, lasting, type Moment, type Place, stay, writePlace } from "./place.ts";
import { forgetTroubles, tellTrouble } from "./troubles.ts";
import { fleet } from "./views/fleet.ts";
import { loadtests } from "./views/loadtests.ts";
import { models } from "./views/models.ts";
import { overview } from "./views/overview.ts";
import { register } from "./views/register.ts";
import { requests } from "./views/requests.ts";
import { shares } from "./views/shares.ts";
import type { View, ViewContext } from "./views/view.ts";

const VIEWS: readonly View[] = [overview, fleet, models, shares, requests, loadtests, register];
/** Without news for so long the page says that it is old, ms. */
const OLD_MS = 5_000;
/** Before a gateway is asked again that did not answer, or ended the stream, ms. */
const PAUSE_MS = 2_000;

const history = new History();
let who: Who | undefined;
/** The newest. */
let snapshot: Snapshot | undefined;
/** That the view shows. */
let seen: Snapshot | undefined;
/** Of the gateway whose page this is. */
let version: string | undefined;
let newsAt = Date.now();
let stream: EventSource | undefined;
let pause: number | undefined;
/** How each view was set when it was looked at last. */
const left = new Map<string, Place["settings"]>();

const viewOf = (place: Place) => VIEWS.find(({ name }) => name === nameOf(place));

/** An address without a view is that of the first one. */
const nameOf = ({ view }: Place) => (view === "" ? overview.name : view);

/** What is frozen stays frozen, and each view is as it was left. */
function linkTo(view: string, find = ""): string {
  const { frozen, settings: own } = here();
  const settings = lasting((view === nameOf(here()) ? own : left.get(view)) ?? new Map());
  return writePlace({ view, find, settings, ...(frozen && { frozen }) });
}

function draw(): void {
  const place = here();
  const { frozen, find } = place;
  const view = viewOf(place);
  left.set(nameOf(place), place.settings);
  drawTabs(view, find);
  drawHead();
  // Nobody was let in yet.
  if (who === undefined) return;
  const shown = frozen === undefined ? snapshot : heldOf(frozen, draw);
  drawFrozen(shown === "gone" ? undefined : frozen);
  const main = byId("view");
  byId("foot").textContent = "";
  if (view === undefined) instead(main, nowhere(place.view, linkTo));
  else if (shown === "gone" && frozen !== undefined) instead(main, gone(frozen, goOn));
  else if (shown === "asked") instead(main, el("p", {}, "The gateway is asked how it was then…"));
  else if (shown !== undefined && shown !== "gone") {
    const isDrawn = drawView(main, view, {
      snapshot: shown,
      points: pointsOf(shown, place),
      ...{ who, find, frozen: frozen !== undefined, linkTo, redraw: draw },
    });
    if (isDrawn) seen = shown;
    if (seen !== undefined) drawFoot(seen, frozen !== undefined);
  }
}

function pointsOf(shown: Told, { frozen }: Place): readonly Point[] {
  if (frozen === undefined) return history.until();
  if (shown.points === undefined) return history.until(shown.at);
  const before = new History();
  before.add(...shown.points);
  return before.until();
}

/** In place of a view. */
function instead(main: HTMLElement, node: Node): void {
  const text = node.textContent ?? "";
  if (main.dataset["view"] === "none" && main.textContent === text) return;
  main.replaceChildren(node);
  main.dataset["view"] = "none";
}

/** @returns false: it still shows another snapshot */
function drawView(main: HTMLElement, view: View, context: ViewContext): boolean {
  if (main.dataset["view"] === view.name) {
    if (view.keeps === true) return true;
    // A form that somebody fills in, and a text that he marks, stay.
    if (isBusy(main)) return false;
    view.update?.(context);
    if (view.update !== undefined) return true;
  }
  const [x, y] = [window.scrollX, window.scrollY];
  const focused = focusOf(main);
  const scrolled = [...main.querySelectorAll(".scroll")].map(
    ({ scrollLeft: left, scrollTop: top }) => ({ left, top }),
  );
  main.replaceChildren(...view.draw(context));
  main.dataset["view"] = view.name;
  for (const [at, scroll] of [...main.querySelectorAll(".scroll")].entries())
    scroll.scrollTo(scrolled[at] ?? {});
  window.scrollTo(x, y);
  focused?.();
  return true;
}

/** Made once: a tab that is pressed, or has the focus, must still be there a moment later. */
const tabs = new Map(VIEWS.map(({ name, title }) => [name, el("a", {}, title)]));
byId("tabs").replaceChildren(...tabs.values());

function drawTabs(current: View | undefined, find: string): void {
  for (const [name, tab] of tabs) {
    tab.setAttribute("href", linkTo(name, find));
    if (name === current?.name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  const nav = byId("tabs");
  const name = current?.name ?? "none";
  if (nav.dataset["view"] !== name) {
    nav.dataset["view"] = name;
    tabs.get(name)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  document.title = `${current?.title ?? "Nowhere"} · beamgate`;
}

function drawFrozen(frozen: Moment | undefined): void {
  byId("freeze").setAttribute("aria-pressed", String(frozen !== undefined));
  const banner = byId("frozen");
  banner.hidden = frozen === undefined;
  if (frozen === undefined) return;
  const text = frozenText(frozen);
  if (banner.firstChild?.textContent === text) return;
  const go = el("button", { type: "button", click: goOn }, "Go on");
  banner.replaceChildren(el("span", {}, text), go);
}

/** How the gateway is now, whatever is shown of then. */
function drawHead(): void {
  const { frozen } = here();
  const old = Date.now() - newsAt > OLD_MS;
  // Whoever is asked to log in waits for no news.
  if (document.body.classList.contains("nobody") || (snapshot === undefined && !old)) return;
  const { alerts = [], cluster } = snapshot ?? {};
  const own = cluster?.gateways.find(({ self }) => self);
  byId("gateway").textContent = own?.address ?? "";
  const bad = alerts.filter(({ level }) => level === "bad").length;
  const status = byId("status");
  const level = old || bad > 0 ? "bad" : alerts.length > 0 ? "warn" : "good";
  const counted =
    bad > 0 ? `${bad} ${bad === 1 ? "alarm" : "alarms"}` : `${alerts.length} to look at`;
  const told = old ? "No news from the gateway" : level === "good" ? "All well" : counted;
  const now = frozen === undefined ? told : `Now: ${told}`;
  const text = isMarked(byId("view")) ? `${now} · the view waits: text is marked` : now;
  status.className = `status ${level}`;
  if (status.textContent !== text) status.textContent = text;
}

/** Of the snapshot that is shown. */
function drawFoot({ version, id, seconds }: Snapshot, frozen: boolean): void {
  const rates = seconds === undefined ? "" : ` · rates over ${seconds.toFixed(1)} s`;
  const rest = frozen ? " · frozen" : rates;
  byId("foot").textContent = `beamgate ${version} · snapshot ${id}${rest}`;
}

function drawVersion(now: string): void {
  version ??= now;
  const text = `it is ${now} now, and this page is of ${version}: reload it`;
  tellTrouble("The gateway is another one", now === version ? undefined : text);
}

// News ------------------------------------------------------------------------------

/** A browser has six connections to a gateway, for all its tabs: one that nobody sees takes none. */
function listen(): void {
  stream?.close();
  if (document.hidden) return;
  stream = new EventSource("/v2/beamgate/dashboard/events");
  stream.onmessage = ({ data }) => {
    snapshot = JSON.parse(String(data)) as Snapshot;
    newsAt = Date.now();
    history.add(snapshot);
    drawVersion(snapshot.version);
    const place = here();
    if (place.frozen === undefined || viewOf(place)?.ofNow === true) draw();
  };
  // It may have ended because somebody else is logged in, or nobody: that is asked first.
  stream.onerror = () => {
    stream?.close();
    beginLater();
  };
}

function beginLater(): void {
  clearTimeout(pause);
  pause = setTimeout(() => void begin(), PAUSE_MS);
}

async function begin(): Promise<void> {
  const found = await whoAmI().catch(() => undefined);
  if (found === undefined) {
    beginLater();
    return;
  }
  // What was shown to one is forgotten before another one looks, wherever the page kept it.
  if (who !== undefined && JSON.stringify(found) !== JSON.stringify(who)) {
    location.reload();
    return;
  }
  document.body.classList.toggle("nobody", found === "nobody");
  if (found === "nobody") {
    byId("view").replaceChildren(askToLogin(() => void begin()));
    byId("view").dataset["view"] = "login";
    return;
  }
  if (who === undefined) byId("who").replaceChildren(...found.shown(() => location.reload()));
  who = found;
  listen();
  draw();
  history.add(...(await pointsBefore()));
}

document.addEventListener("visibilitychange", () => {
  // Who logs in is asked for by the form.
  if (who === undefined) return;
  clearTimeout(pause);
  stream?.close();
  if (document.hidden) return;
  newsAt = Date.now();
  void begin();
});

// Keys and buttons ---------------------------------------------------------------------

const find = byId("find") as HTMLInputElement;
find.value = here().find;
find.addEventListener("input", () => {
  stay({ ...here(), find: find.value });
  draw();
});
window.addEventListener("hashchange", () => {
  forgetTroubles();
  find.value = here().find;
  for (const dialog of document.querySelectorAll("dialog.linked"))
    (dialog as HTMLDialogElement).close();
  anew();
});

// Charts are as wide as the page, and drawn in its colours, also while nothing new comes.
window.addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

/** Views that draw themselves are drawn anew, too. */
function anew(): void {
  delete byId("view").dataset["view"];
  draw();
}

function freeze(): void {
  if (here().frozen !== undefined) goOn();
  else if (seen !== undefined) {
    stay({ ...here(), frozen: hold(seen) });
    draw();
  }
}

function goOn(): void {
  const { frozen: _, ...place } = here();
  stay(place);
  draw();
}

function theme(): void {
  const root = document.documentElement;
  const dark =
    root.dataset["theme"] ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset["theme"] = dark === "dark" ? "light" : "dark";
  localStorage.setItem("theme", root.dataset["theme"]);
  draw();
}
const kept = localStorage.getItem("theme");
if (kept === "dark" || kept === "light") document.documentElement.dataset["theme"] = kept;

function zone(): void {
  otherZone();
  showZone();
  anew();
}
function showZone(): void {
  byId("zone").textContent = zoneNow() === "utc" ? "UTC" : "Local";
}
showZone();

byId("freeze").addEventListener("click", freeze);
byId("zone").addEventListener("click", zone);
byId("keys").addEventListener("click", () => showKeys(VIEWS));
byId("theme").addEventListener("click", theme);
byId("skip").addEventListener("click", (event) => {
  // Its address is none of a view.
  event.preventDefault();
  byId("view").focus();
});
document.addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey) return;
  // Keys are those of the page below while nothing lies above it.
  if (document.querySelector("dialog[open]") !== null) return;
  const typing =
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement;
  if (typing) {
    if (key === "Escape") (target as HTMLElement).blur();
    return;
  }
  const view = VIEWS[Number(key) - 1];
  if (key === "/") find.focus();
  else if (key === "f") freeze();
  else if (key === "t") theme();
  else if (key === "u") zone();
  else if (key === "?") showKeys(VIEWS);
  else if (view !== undefined) location.hash = linkTo(view.name, here().find);
  else return;
  event.preventDefault();
});

function tick(): void {
  const now = new Date();
  byId("utc").textContent = `${now.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  byId("local").textContent = `${now.toTimeString().slice(0, 8)} here`;
  drawHead();
}
tick();
setInterval(tick, 1_000);
drawTabs(viewOf(here()), here().find);
void begin();
