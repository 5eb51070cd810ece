/** Asks a reference what the run asked, and compares the answers. */
import type { Parameters } from "../../../src/inference/request.ts";
import type { Header } from "../../drivers/raw-http2/hpack.ts";
import type { Address } from "../../drivers/raw-http2/open-socket.ts";
import { readableError } from "../../drivers/readable-error.ts";
import type { Agreement } from "../../report/schema.ts";
import type { GeneratorOrder } from "../generator/order.ts";
import { type PooledRequest, pooledAt } from "../plan.ts";
import type { Step } from "../step.ts";
import { agreementOf, type ComparedRequest } from "./agreement.ts";
import { outcomesOf } from "./outcomes.ts";
import { referenceScores } from "./reference-scores.ts";

export interface Reference {
  /** In the report. */
  readonly name: string;
  /** Absent: the server under test. */
  readonly server?: {
    readonly address: Address;
    /** Identities of experiments are for the server under test: their tokens go to no other. */
    readonly headers: readonly Header[];
  };
  /** Absent: the model under test. */
  readonly model?: string;
  /** Beside those of the request. */
  readonly parameters?: Parameters;
}

/** Distinct requests that the reference is asked: it may be slow. */
const MOST_REQUESTS = 4096;

export interface Compared {
  readonly agreement: Agreement;
  /** What the reference did not answer, and why. */
  readonly notes: readonly string[];
}

/** @param order with which the run's own requests went */
export async function compareWithReference(
  reference: Reference,
  step: Step,
  order: GeneratorOrder,
  threshold: number | undefined,
  signal: AbortSignal,
): Promise<Compared> {
  const { pool, keys, ns } = step.requests;
  const { relay } = order;
  const first = pool.slice(0, MOST_REQUESTS);
  // Of two models in a row it is the judge that is compared.
  const asked = relay === undefined ? first.map((one) => requestFor(one, reference)) : first;
  const { scores, failures } = await referenceScores(
    {
      ...order,
      ...(relay === undefined ? {} : { relay: { ...relay, ...changed(relay, reference) } }),
      ...(reference.server === undefined
        ? {}
        : { address: reference.server.address, identities: [reference.server.headers] }),
      plan: { pool: asked, index: 0, of: 1 },
    },
    signal,
  );
  const requests = ns?.length ?? Math.max(0, ...step.overs.map(largestNumber)) + 1;
  const outcomes = outcomesOf(step.overs, requests);
  function* answers(): Generator<ComparedRequest> {
    for (let number = 0; number < requests; number++) {
      const found = outcomes.scores(number);
      const key = keys?.[number] ?? pooledAt(number, pool.length);
      if (found !== undefined) yield { key, scores: found };
    }
  }
  return {
    agreement: agreementOf(reference.name, answers(), scores, threshold),
    notes: [...failures].map(
      ([reason, count]) => `${reference.name} did not answer ${count}: ${readableError(reason)}`,
    ),
  };
}

function largestNumber({ events }: Step["overs"][number]): number {
  return events?.number.reduce((most, number) => Math.max(most, number), 0) ?? 0;
}

function requestFor({ request, rows }: PooledRequest, reference: Reference): PooledRequest {
  return { request: { ...request, ...changed(request, reference) }, rows, identity: 0 };
}

function changed(
  asked: { readonly model: string; readonly parameters?: Parameters | undefined },
  { model, parameters }: Reference,
) {
  return {
    model: model ?? asked.model,
    parameters: new Map([...(asked.parameters ?? []), ...(parameters ?? [])]),
  };
}
