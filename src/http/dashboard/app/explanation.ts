/** What `GET /v2/beamgate/explain/{id}` tells (`telemetry/explain/describe.ts`), as far as the page shows it. */
export interface Story {
  readonly model: string;
  readonly version: string;
  readonly outcome: string;
  readonly failure?: string;
  readonly origin?: Readonly<Record<string, boolean | number | string>>;
  readonly timeline: {
    readonly queuedUs?: number;
    readonly dispatchedUs?: number;
    readonly inferUs?: number;
    readonly answeredUs?: number;
  };
  readonly routing?: readonly Routing[];
  readonly batches: readonly Batch[];
  readonly notes: readonly { readonly atUs: number; readonly what: string }[];
  readonly steps?: readonly Story[];
}

export interface Routing {
  readonly variant: string;
  readonly why: string;
  readonly wish?: Readonly<Record<string, string>>;
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly name: string;
  readonly vendor: string;
  readonly platform: string;
  readonly numericClass: string;
  readonly ready: boolean;
  readonly allowed: boolean;
  readonly queuedRows: number;
  readonly inFlightRows: number;
  readonly instances: number;
  readonly expectedDelayMs?: number;
}

export interface Batch {
  readonly atUs: number;
  readonly rows: number;
  readonly requests: number;
  readonly closed: string;
  readonly device: string;
  readonly instance: string;
}

export interface Explanation extends Story {
  readonly id: string;
  readonly receivedAt: string;
  readonly tenant: string;
  readonly bundled?: number;
}

/** @returns the explanation, or why there is none */
export async function explain(id: string): Promise<Explanation | { readonly error: string }> {
  const answer = await fetch(`/v2/beamgate/explain/${encodeURIComponent(id)}`).catch(
    () => undefined,
  );
  const body: unknown = await answer?.json().catch(() => undefined);
  if (body === undefined) return { error: "the gateway does not answer" };
  return body as Explanation | { readonly error: string };
}
