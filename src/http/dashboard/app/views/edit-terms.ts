/** Weight, guarantee and quotas of a tenant: changed after a look at what would change. */
import type { TenantFigures } from "../../../../inference/dashboard-report.ts";
import type { TenantChanged } from "../../../../inference/tenant-report.ts";
import { el } from "../dom.ts";

const LIMITS = [
  "rowsPerSecond",
  "bytesPerSecond",
  "concurrentBytes",
  "deviceSecondsPerDay",
] as const;

export function editTerms(tenant: TenantFigures, generation: number, done: () => void): void {
  const field = (title: string, value: number | undefined) => {
    const input = el("input", {
      type: "text",
      inputmode: "decimal",
      value: value === undefined ? "" : String(value),
    });
    return { input: input as HTMLInputElement, label: el("label", {}, title, input) };
  };
  const weight = field("Weight", tenant.weight);
  const guarantee = field("Guarantee, 0 to 1", tenant.guarantee);
  const quotas = LIMITS.map((limit) => ({
    limit,
    ...field(`${limit} (empty: no limit)`, tenant.quota[limit]),
  }));
  const said = el("pre", { role: "status" }, "Nothing is changed before you have seen it here.");
  const save = el(
    "button",
    { type: "button", class: "act", disabled: true, click: () => void ask(false) },
    "Save",
  ) as HTMLButtonElement;

  const body = (dryRun: boolean) => ({
    weight: Number(weight.input.value),
    guarantee: Number(guarantee.input.value),
    quota: Object.fromEntries(
      quotas.map(({ limit, input }) => [
        limit,
        input.value.trim() === "" ? null : Number(input.value),
      ]),
    ),
    dryRun,
    generation,
  });

  async function ask(dryRun: boolean): Promise<void> {
    save.disabled = true;
    const url = `/v2/beamgate/tenants/${encodeURIComponent(tenant.name)}`;
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(body(dryRun)) }).catch(
      () => undefined,
    );
    const told = (await answer?.json().catch(() => undefined)) as
      | (TenantChanged & { error?: string })
      | undefined;
    if (answer?.ok !== true || told === undefined) {
      said.textContent = told?.error ?? "the gateway does not answer";
      return;
    }
    if (!dryRun) {
      dialog.close();
      done();
      return;
    }
    said.textContent = differences(told).join("\n") || "Nothing would change.";
    save.disabled = false;
    save.focus();
  }

  const form = el(
    "form",
    {
      submit: (event) => {
        event.preventDefault();
        void ask(true);
      },
      input: () => {
        save.disabled = true;
      },
    },
    el("h2", {}, `Terms of ${tenant.name}`),
    weight.label,
    guarantee.label,
    ...quotas.map(({ label }) => label),
    said,
    el(
      "div",
      { class: "row" },
      el("button", { type: "submit" }, "Preview"),
      save,
      el("button", { type: "button", click: () => dialog.close() }, "Cancel"),
    ),
  );
  const dialog = el(
    "dialog",
    { "aria-label": `Terms of ${tenant.name}` },
    form,
  ) as HTMLDialogElement;
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** A line a term that is another one after the change. */
export function differences({
  before,
  after,
}: Pick<TenantChanged, "before" | "after">): readonly string[] {
  const flat = ({
    weight,
    guarantee,
    quota,
  }: TenantChanged["before"]): Record<string, unknown> => ({ weight, guarantee, ...quota });
  const [old, fresh] = [flat(before), flat(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])];
  return names
    .filter((name) => old[name] !== fresh[name])
    .map((name) => `${name}: ${old[name] ?? "no limit"} → ${fresh[name] ?? "no limit"}`);
}
