/** Weight, guarantee and quotas of a tenant: changed after a look at what would change. */
import type { TenantFigures } from "../../../../inference/dashboard-report.ts";
import type { TenantChanged } from "../../../../inference/tenant-report.ts";
import { el } from "../dom.ts";
import { post, sentence } from "../registry/ask.ts";
import { changedTerms, shownTerm, TERMS, type TermsChange, whyNoTerm } from "../terms.ts";

export function editTerms(tenant: TenantFigures, generation: number, done: () => void): void {
  const fields = TERMS.map(({ term, title }) => {
    const input = el("input", {
      type: "text",
      inputmode: "decimal",
      value: shownTerm(tenant, term),
      // The browser tells of it at the field, and sends no form that has one.
      input: () => input.setCustomValidity(whyNoTerm(term, input.value)),
    }) as HTMLInputElement;
    return { term, input, label: el("label", {}, title, input) };
  });
  const said = el("pre", { role: "status" }, "Nothing is changed before you have seen it here.");
  const save = el(
    "button",
    { type: "button", class: "act", disabled: true, click: () => void make() },
    "Save",
  ) as HTMLButtonElement;
  /** That was previewed last, and nothing typed since. */
  let seen: TermsChange | undefined;
  /** Of the previews: the answer to an older one says nothing of what stands there now. */
  let newest = 0;

  const ask = (change: TermsChange, dryRun: boolean) =>
    post<TenantChanged>(`/v2/beamgate/tenants/${encodeURIComponent(tenant.name)}`, {
      ...{ ...change, dryRun, generation },
    });

  function forget(): void {
    newest += 1;
    seen = undefined;
    save.disabled = true;
  }

  async function preview(): Promise<void> {
    forget();
    const own = newest;
    const change = changedTerms(
      tenant,
      new Map(fields.map(({ term, input }) => [term, input.value])),
    );
    let text = "Nothing would change.";
    let shown: TermsChange | undefined;
    try {
      const lines = change === undefined ? [] : differences(await ask(change, true));
      if (lines.length > 0) [text, shown] = [lines.join("\n"), change];
    } catch (thrown) {
      text = sentence(thrown);
    }
    if (own !== newest) return;
    said.textContent = text;
    seen = shown;
    save.disabled = shown === undefined;
  }

  async function make(): Promise<void> {
    if (seen === undefined) return;
    const change = seen;
    forget();
    form.inert = true;
    try {
      await ask(change, false);
      dialog.close();
      done();
    } catch (thrown) {
      said.textContent = sentence(thrown);
    } finally {
      form.inert = false;
    }
  }

  const form = el(
    "form",
    {
      submit: (event) => {
        event.preventDefault();
        void preview();
      },
      input: forget,
    },
    el("h2", {}, `Terms of ${tenant.name}`),
    ...fields.map(({ label }) => label),
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
