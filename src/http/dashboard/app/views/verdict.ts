/** What the gate found about an artifact: by output, by arrangement in the batch, signed. */

import type {
  BatchInvariance,
  EquivalenceClass,
  OutputErrors,
} from "../../../../policy/equivalence/types.ts";
import type { SignedVerdict } from "../../../../registry/catalog/types.ts";
import { el } from "../dom.ts";
import { moment, ms, number, percent } from "../format.ts";
import { set, setting } from "../place.ts";
import { ask, sentence } from "../registry/ask.ts";
import { REGISTRY } from "../registry/records.ts";
import { type Column, table } from "../table.ts";
import { mark } from "./marks.ts";

const OUTPUTS: readonly Column<OutputErrors>[] = [
  { title: "Output", kind: "name", cell: ({ name }) => name },
  { title: "Class", cell: ({ class: its }) => classText(its) },
  {
    title: "Verdict",
    cell: ({ passed }) => mark(passed ? "good" : "bad", passed ? "passed" : "failed"),
  },
  {
    title: "Outside",
    kind: "n",
    cell: ({ failing, elements }) => ({
      text: `${number(failing)} of ${number(elements)}`,
      value: failing,
    }),
  },
  {
    title: "Differ",
    kind: "n",
    cell: ({ differing }) => ({ text: number(differing), value: differing }),
  },
  {
    title: "Largest, absolute",
    kind: "n",
    cell: ({ maxAbs }) => ({ text: number(maxAbs), value: maxAbs }),
  },
  { title: "relative", kind: "n", cell: ({ maxRel }) => ({ text: number(maxRel), value: maxRel }) },
  { title: "ulp", kind: "n", cell: ({ maxUlp }) => ({ text: number(maxUlp), value: maxUlp }) },
];

const CASES: readonly Column<BatchInvariance["cases"][number]>[] = [
  { title: "Arrangement", kind: "name", cell: ({ arrangement }) => arrangement },
  { title: "Rows", kind: "n", cell: ({ rows }) => ({ text: number(rows), value: rows }) },
  {
    title: "Compared",
    kind: "n",
    cell: ({ compared }) => ({ text: number(compared), value: compared }),
  },
  {
    title: "Differ in bits",
    kind: "n",
    cell: ({ differing }) => ({ text: number(differing), value: differing }),
  },
  {
    title: "Outside the class",
    kind: "n",
    cell: ({ failing }) => ({ text: number(failing), value: failing }),
  },
];

/** Of which one is on the screen. */
let shown: string | undefined;

/** It has an address: as long as it is open, that of the page names it. */
export function openVerdict(digest: string): void {
  set("verdict", digest);
  showVerdictOf(digest);
}

/** @param digest undefined: none is to be shown */
export function showVerdictOf(digest: string | undefined): void {
  if (digest === undefined || shown === digest) return;
  shown = digest;
  const title = el("h2", {}, "What the gate found");
  const inside = el("div", { role: "status" }, "The gateway is asked…");
  const close = el("button", { type: "button", click: () => dialog.close() }, "Close");
  const dialog = el(
    "dialog",
    { class: "wide linked", "aria-label": "What the gate found" },
    ...[title, inside, el("div", { class: "row" }, close)],
  ) as HTMLDialogElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (shown === digest) shown = undefined;
    if (setting("verdict") === digest) set("verdict", undefined);
  });
  document.body.append(dialog);
  dialog.showModal();
  ask<SignedVerdict>(`${REGISTRY}/verdicts/${encodeURIComponent(digest)}`).then(
    (signed) => {
      const { model, version, device } = signed.verdict;
      title.textContent = `What the gate found: ${model}, version ${version}, on ${device.vendor} ${device.platform}`;
      const redraw = () => inside.replaceChildren(...drawn(signed, redraw));
      redraw();
    },
    (thrown: unknown) => inside.replaceChildren(el("p", { class: "notice bad" }, sentence(thrown))),
  );
}

function drawn({ verdict, signature }: SignedVerdict, redraw: () => void): readonly Node[] {
  const { passed, reason, failedCheck, device, rows, at, tookMs, batchInvariance, physics } =
    verdict;
  const where = `${device.id} (${device.vendor} ${device.platform}${device.emulated ? ", emulated" : ""})`;
  const why = passed
    ? "passed"
    : `failed at ${failedCheck ?? "the gate"}: ${reason ?? "no reason is known"}`;
  const facts = [
    `${rows} golden rows on ${where}, ${moment(at)}, in ${ms(tookMs)}`,
    `against ${verdict.reference}`,
    `batch: ${batchInvariance.invariant ? "not one bit differs between arrangements" : "bits differ between arrangements"}`,
    ...(physics === undefined
      ? []
      : [
          `decisions: ${percent(physics.agreement)} alike, ${physics.flipped} flipped; ` +
            `efficiency ${percent(physics.efficiency)} (reference ${percent(physics.referenceEfficiency)})`,
        ]),
    `signed with ${signature.keyId}`,
  ];
  return [
    el("p", {}, mark(passed ? "good" : "bad", why).node),
    table(
      verdict.outputs,
      { title: "Errors by output", columns: OUTPUTS, empty: "No outputs were compared." },
      "",
      redraw,
    ),
    table(
      batchInvariance.cases,
      { title: "Arrangements", columns: CASES, empty: "None was tried." },
      "",
      redraw,
    ),
    el("pre", {}, facts.join("\n")),
  ];
}

function classText(its: EquivalenceClass): string {
  const { kind, ...numbers } = its;
  const told = Object.entries(numbers).map(([key, value]) => `${key} ${value}`);
  return told.length === 0 ? kind : `${kind}: ${told.join(", ")}`;
}
