/** Which keys there are. */
import { el } from "./dom.ts";

const KEYS: readonly (readonly [string, string])[] = [
  ["/", "find, in every table of the view"],
  ["f", "keep what is shown, or go on"],
  ["t", "dark or light"],
  ["u", "times in UTC, or as on the wall"],
  ["?", "this list"],
  ["Esc", "leave a field, or close"],
];

export function showKeys(views: readonly { readonly title: string }[]): void {
  const all = [...views.map(({ title }, at) => [String(at + 1), title] as const), ...KEYS];
  const close = el("button", { type: "button", click: () => dialog.close() }, "Close");
  const dialog = el(
    "dialog",
    { "aria-label": "Keys" },
    el("h2", {}, "Keys"),
    el(
      "dl",
      { class: "keys" },
      ...all.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]),
    ),
    close,
  ) as HTMLDialogElement;
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
