/** Elements from data. Whatever comes from outside becomes text, never markup. */
export type Child = Node | string | undefined;
type Attributes = Readonly<Record<string, string | boolean | ((event: Event) => void) | undefined>>;

export function el(
  tag: string,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (typeof value === "string") element.setAttribute(name, value);
  }
  for (const child of children) if (child !== undefined) element.append(child);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** A drawing, or a part of one. */
export function svg(
  tag: string,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly Node[]
): Element {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}

/** What was focused, found again by what it says and leads to, else by its place among its like. */
export function focusOf(main: HTMLElement): (() => void) | undefined {
  const active = document.activeElement;
  if (active === null || !main.contains(active)) return undefined;
  const all = () => [...main.querySelectorAll<HTMLElement>(active.tagName)];
  const name = nameOf(active);
  const same = () => all().filter((one) => nameOf(one) === name);
  const [at, place] = [same().indexOf(active as HTMLElement), all().indexOf(active as HTMLElement)];
  return () => {
    // A link in its place leads elsewhere.
    const found = same()[at] ?? (active.matches("a") ? undefined : all()[place]);
    found?.focus({ preventScroll: true });
  };
}

const nameOf = (one: Element) =>
  [one.getAttribute("href"), one.getAttribute("aria-label"), one.textContent].join("\n");

/** A text is marked, or a button is held down: what would be let go of must still be there. */
export const isBusy = (part: HTMLElement): boolean => part.matches(":active") || isMarked(part);

export function isMarked(part: HTMLElement): boolean {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && part.contains(selection.anchorNode);
}

/** Into the clipboard, also where a page without TLS is given none. @returns whether it is there */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "hidden", readonly: true }) as HTMLTextAreaElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Copies `text`, and says for a moment that it did. */
export function copyButton(title: string, text: string): HTMLElement {
  const press = async () => {
    const done = await copy(text);
    button.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => {
      button.textContent = title;
    }, 1_500);
  };
  const button = el("button", { type: "button", title: text, click: () => void press() }, title);
  return button;
}
