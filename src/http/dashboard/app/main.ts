/** The page: one stream of snapshots, one view at a time, drawn anew with each. */
import type { Snapshot } from "../../../inference/dashboard-report.ts";
import { byId, el } from "./dom.ts";
import { History } from "./history.ts";
import { askToLogin, type Who, whoAmI } from "./login.ts";
import { fleet } from "./views/fleet.ts";
import { models } from "./views/models.ts";
import { overview } from "./views/overview.ts";
import { register } from "./views/register.ts";
import { requests } from "./views/requests.ts";
import { shares } from "./views/shares.ts";
import type { View, ViewContext } from "./views/view.ts";

const VIEWS: readonly View[] = [overview, fleet, models, shares, requests, register];
/** Without news for so long the page says that it is old, ms. */
const OLD_MS = 5_000;

const history = new History();
let who: Who | undefined;
let snapshot: Snapshot | undefined;
let shown: Snapshot | undefined;
let frozen = false;
let newsAt = 0;
let stream: EventSource | undefined;

// Where we are: `#/models?find=jet` ------------------------------------------------

function place(): { view: View; find: string } {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const view = VIEWS.find(({ name }) => name === path) ?? overview;
  return { view, find: new URLSearchParams(query).get("find") ?? "" };
}

const linkTo = (view: string, find = "") =>
  `#/${view}${find === "" ? "" : `?${new URLSearchParams({ find })}`}`;

function draw(): void {
  const { view, find } = place();
  drawTabs(view, find);
  if (shown === undefined) return;
  drawHead(shown);
  const main = byId("view");
  // A form that somebody fills in, and a text that he marks, stay.
  if (main.dataset["view"] === view.name && (isBusy(main) || view.keeps === true)) return;
  const context: ViewContext = { snapshot: shown, history, who, find, linkTo, redraw: draw };
  const [x, y] = [window.scrollX, window.scrollY];
  const focused = focusOf(main);
  const asides = [...main.querySelectorAll(".scroll")].map(({ scrollLeft }) => scrollLeft);
  main.replaceChildren(...view.draw(context));
  main.dataset["view"] = view.name;
  for (const [at, aside] of [...main.querySelectorAll(".scroll")].entries())
    aside.scrollLeft = asides[at] ?? 0;
  window.scrollTo(x, y);
  focused?.();
}

/** A text is marked, or a button is held down: what would be let go of must still be there. */
function isBusy(main: HTMLElement): boolean {
  if (main.matches(":active")) return true;
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && main.contains(selection.anchorNode);
}

/** What was focused, found again by its place among its like. */
function focusOf(main: HTMLElement): (() => void) | undefined {
  const active = document.activeElement;
  if (active === null || !main.contains(active)) return undefined;
  const { tagName } = active;
  const at = [...main.querySelectorAll(tagName)].indexOf(active);
  return () => (main.querySelectorAll(tagName)[at] as HTMLElement | undefined)?.focus();
}

function drawTabs(current: View, find: string): void {
  const tabs = VIEWS.map(({ name, title }) =>
    el(
      "a",
      { href: linkTo(name, find), "aria-current": name === current.name ? "page" : undefined },
      title,
    ),
  );
  byId("tabs").replaceChildren(...tabs);
  document.title = `${current.title} · beamgate`;
}

function drawHead({ alerts, cluster, version, id, seconds }: Snapshot): void {
  const own = cluster.gateways.find(({ self }) => self);
  byId("gateway").textContent = own?.address ?? "";
  const bad = alerts.filter(({ level }) => level === "bad").length;
  const status = byId("status");
  const old = Date.now() - newsAt > OLD_MS && !frozen;
  const level = old || bad > 0 ? "bad" : alerts.length > 0 ? "warn" : "good";
  const counted =
    bad > 0 ? `${bad} ${bad === 1 ? "alarm" : "alarms"}` : `${alerts.length} to look at`;
  const text = old ? "No news from the gateway" : level === "good" ? "All well" : counted;
  status.className = `status ${level}`;
  if (status.textContent !== text) status.textContent = text;
  byId("foot").textContent =
    `beamgate ${version} · snapshot ${id}` +
    (seconds === undefined ? "" : ` · rates over ${seconds.toFixed(1)} s`) +
    (frozen ? " · frozen" : "");
}

// News ------------------------------------------------------------------------------

function listen(): void {
  stream?.close();
  stream = new EventSource("/v2/beamgate/dashboard/events");
  stream.onmessage = ({ data }) => {
    snapshot = JSON.parse(String(data)) as Snapshot;
    newsAt = Date.now();
    history.add(snapshot);
    if (frozen) return;
    shown = snapshot;
    draw();
  };
  stream.onerror = () => {
    // A stream that was refused is closed for good; one that broke begins again by itself.
    if (stream?.readyState === EventSource.CLOSED) void begin();
  };
}

async function begin(): Promise<void> {
  const found = await whoAmI().catch(() => undefined);
  if (found === undefined) {
    setTimeout(() => void begin(), 2_000);
    return;
  }
  if (found === "nobody") {
    byId("view").replaceChildren(askToLogin(() => void begin()));
    byId("view").dataset["view"] = "login";
    return;
  }
  who = found;
  byId("who").replaceChildren(...found.shown(() => location.reload()));
  listen();
}

// Keys and buttons ---------------------------------------------------------------------

const find = byId("find") as HTMLInputElement;
find.value = place().find;
find.addEventListener("input", () => {
  window.history.replaceState(null, "", linkTo(place().view.name, find.value));
  draw();
});
window.addEventListener("hashchange", () => {
  find.value = place().find;
  delete byId("view").dataset["view"];
  draw();
});

function freeze(): void {
  frozen = !frozen;
  byId("freeze").setAttribute("aria-pressed", String(frozen));
  if (!frozen) shown = snapshot;
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

byId("freeze").addEventListener("click", freeze);
byId("theme").addEventListener("click", theme);
document.addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey) return;
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
  else if (view !== undefined) location.hash = linkTo(view.name, place().find);
  else return;
  event.preventDefault();
});

function tick(): void {
  const now = new Date();
  const [utc, local] = [byId("utc"), byId("local")];
  utc.textContent = `${now.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  local.textContent = `${now.toLocaleTimeString()} here`;
  if (shown !== undefined) drawHead(shown);
}
tick();
setInterval(tick, 1_000);
drawTabs(place().view, place().find);
void begin();
