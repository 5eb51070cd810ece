/** What the gate found about an artifact: by output, by arrangement in the batch, signed. */

import type { EquivalenceClass, OutputErrors } from "../../../../policy/equivalence/types.ts";
import type { SignedVerdict } from "../../../../registry/catalog/types.ts";
import { el } from "../dom.ts";
import { moment, ms, number, percent } from "../format.ts";
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

export function showVerdict(title: string, digest: string): void {
  const inside = el("div", { role: "status" }, "The gateway is asked…");
  const close = el("button", { type: "button", click: () => dialog.close() }, "Close");
  const dialog = el(
    "dialog",
    { class: "wide", "aria-label": title },
    el("h2", {}, title),
    inside,
    el("div", { class: "row" }, close),
  ) as HTMLDialogElement;
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  ask<SignedVerdict>(`${REGISTRY}/verdicts/${encodeURIComponent(digest)}`).then(
    (signed) => inside.replaceChildren(...drawn(signed)),
    (thrown: unknown) => inside.replaceChildren(el("p", { class: "notice bad" }, sentence(thrown))),
  );
}

function drawn({ verdict, signature }: SignedVerdict): readonly Node[] {
  const { passed, reason, failedCheck, device, rows, at, tookMs, batchInvariance, physics } =
    verdict;
  const where = `${device.id} (${device.vendor} ${device.platform}${device.emulated ? ", emulated" : ""})`;
  const why = passed
    ? "passed"
    : `failed at ${failedCheck ?? "the gate"}: ${reason ?? "no reason is known"}`;
  const cases = batchInvariance.cases.map(
    ({ arrangement, rows: inBatch, compared, differing, failing }) =>
      `${arrangement}, ${inBatch} rows: ${compared} compared, ${differing} differ in bits, ${failing} outside the class`,
  );
  const facts = [
    `${rows} golden rows on ${where}, ${moment(at)}, in ${ms(tookMs)}`,
    `against ${verdict.reference}`,
    `batch: ${batchInvariance.invariant ? "not one bit differs between arrangements" : "bits differ between arrangements"}`,
    ...cases,
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
      () => undefined,
    ),
    el("pre", {}, facts.join("\n")),
  ];
}

function classText(its: EquivalenceClass): string {
  const { kind, ...numbers } = its;
  const told = Object.entries(numbers).map(([key, value]) => `${key} ${value}`);
  return told.length === 0 ? kind : `${kind}: ${told.join(", ")}`;
}
