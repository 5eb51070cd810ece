/** Terms of a tenant as somebody typed them. Pure. */
import type { TenantTerms } from "../../../inference/tenant-report.ts";

const LIMITS = [
  "rowsPerSecond",
  "bytesPerSecond",
  "concurrentBytes",
  "deviceSecondsPerDay",
] as const;
type Limit = (typeof LIMITS)[number];
export type Term = "weight" | "guarantee" | Limit;

export const TERMS: readonly { readonly term: Term; readonly title: string }[] = [
  { term: "weight", title: "Weight" },
  { term: "guarantee", title: "Guarantee, 0 to 1" },
  ...LIMITS.map((term) => ({ term, title: `${term} (empty: no limit)` })),
];

const isLimit = (term: Term): term is Limit => (LIMITS as readonly Term[]).includes(term);

/** As the field of a term shows it. */
export function shownTerm({ weight, guarantee, quota }: TenantTerms, term: Term): string {
  const value = { weight, guarantee, ...quota }[term];
  return value === undefined ? "" : String(value);
}

/** @returns what the gateway would refuse or misunderstand; empty: nothing. Least and most are the gateway's to say */
export function whyNoTerm(term: Term, typed: string): string {
  if (isLimit(term) && typed.trim() === "") return "";
  const value = typed.trim() === "" ? Number.NaN : Number(typed);
  if (Number.isFinite(value)) return "";
  const nothing = isLimit(term) ? ", or empty for no limit" : "";
  return `'${typed}' is no number: write digits, such as 10000 or 0.5${nothing}`;
}

/** As the gateway is asked for it: a term that is named holds from then on, whatever its file says. */
export interface TermsChange {
  readonly weight?: number;
  readonly guarantee?: number;
  /** null: no limit. */
  readonly quota?: Readonly<Partial<Record<Limit, number | null>>>;
}

/** What somebody changed, and nothing else. @returns undefined: nothing @param typed each fits `whyNoTerm` */
export function changedTerms(
  shown: TenantTerms,
  typed: ReadonlyMap<Term, string>,
): TermsChange | undefined {
  const changed = [...typed].filter(([term, text]) => text.trim() !== shownTerm(shown, term));
  if (changed.length === 0) return undefined;
  const values = changed.map(
    ([term, text]) => [term, text.trim() === "" ? null : Number(text)] as const,
  );
  const quota = values.filter(([term]) => isLimit(term));
  return {
    ...Object.fromEntries(values.filter(([term]) => !isLimit(term))),
    ...(quota.length > 0 && { quota: Object.fromEntries(quota) }),
  };
}
