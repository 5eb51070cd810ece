/**
 * Two models as one: requests go to the first, its outputs become the inputs of
 * the second, and the second's answer is the answer. Two-vendor mode: the first
 * makes the events on one vendor's boards, the second judges them on another's.
 */
import { StatusError } from "../../src/errors.ts";
import type { DecodedResponse } from "../../src/grpc/codec/decode-response.ts";
import type { Parameters } from "../../src/inference/request.ts";
import { Latencies } from "../measure/latencies.ts";
import type { Answer, ClientRequest, Driver, DriverEvents, Prepared } from "./driver.ts";

/** The second request of an event. @throws StatusError where the outputs do not fit */
export type Feed = (outputs: DecodedResponse["outputs"]) => ClientRequest;

export interface RelayParts {
  /** Its answers are needed: it keeps them. */
  readonly first: (events: DriverEvents) => Driver;
  readonly second: (events: DriverEvents) => Driver;
  readonly feed: Feed;
  /** Shown every answer of the first model. */
  readonly heard: (response: DecodedResponse) => void;
  readonly now: () => number;
}

interface Waiting {
  readonly prepared: Prepared;
  readonly token: number;
  readonly identity: number;
}

export class RelayDriver implements Driver {
  /** How long the first model took, of good answers. */
  readonly firstStage = new Latencies();
  readonly #first: Driver;
  readonly #second: Driver;
  readonly #events: DriverEvents;
  readonly #feed: Feed;
  readonly #heard: (response: DecodedResponse) => void;
  readonly #now: () => number;
  /** By token: when the first request went, and as whom. */
  readonly #under = new Map<number, { readonly sentAt: number; readonly identity: number }>();
  /** Second requests that no connection took yet. */
  readonly #waiting: Waiting[] = [];
  #flushPlanned = false;

  constructor(parts: RelayParts, events: DriverEvents) {
    this.#events = events;
    this.#feed = parts.feed;
    this.#heard = parts.heard;
    this.#now = parts.now;
    this.#first = parts.first({
      answered: (...told) => this.#onEvent(...told),
      room: () => events.room(),
    });
    this.#second = parts.second({
      answered: (...told) => {
        events.answered(...told);
        this.#sendWaiting();
      },
      room: () => this.#sendWaiting(),
    });
  }

  async open(): Promise<void> {
    await Promise.all([this.#first.open(), this.#second.open()]);
  }

  prepare(request: ClientRequest): Prepared {
    return this.#first.prepare(request);
  }

  send(prepared: Prepared, token: number, identity: number): boolean {
    if (!this.#first.send(prepared, token, identity)) return false;
    this.#under.set(token, { sentAt: this.#now(), identity });
    return true;
  }

  flush(): void {
    this.#first.flush();
    this.#second.flush();
  }

  read(answer: Answer): DecodedResponse {
    return this.#second.read(answer);
  }

  get reconnects(): number {
    return this.#first.reconnects + this.#second.reconnects;
  }

  close(): void {
    this.#first.close();
    this.#second.close();
  }

  #onEvent(
    token: number,
    bytes: number,
    error: string | undefined,
    answer: Answer | undefined,
  ): void {
    const { sentAt = 0, identity = 0 } = this.#under.get(token) ?? {};
    this.#under.delete(token);
    if (error !== undefined || answer === undefined) {
      const why = error ?? "an answer without a message";
      this.#events.answered(token, bytes, `generating model: ${why}`, undefined);
      return;
    }
    this.firstStage.record(this.#now() - sentAt);
    let prepared: Prepared;
    try {
      const response = this.#first.read(answer);
      this.#heard(response);
      prepared = this.#second.prepare(this.#feed(response.outputs));
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      this.#events.answered(token, bytes, why, undefined);
      return;
    }
    if (this.#waiting.length > 0 || !this.#second.send(prepared, token, identity)) {
      this.#waiting.push({ prepared, token, identity });
    }
    this.#flushSoon();
  }

  #sendWaiting(): void {
    let sent = 0;
    for (const { prepared, token, identity } of this.#waiting) {
      if (!this.#second.send(prepared, token, identity)) break;
      sent += 1;
    }
    if (sent === 0) return;
    this.#waiting.splice(0, sent);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    process.nextTick(() => {
      this.#flushPlanned = false;
      this.#second.flush();
    });
  }
}

/** What a `Feed` needs to know of the second model. */
export interface FeedTarget {
  readonly model: string;
  readonly version: string;
  readonly parameters?: Parameters;
  /** Input: output of the first model. */
  readonly map: Readonly<Record<string, string>>;
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    /** -1: as long as the output has it. */
    readonly shape: readonly number[];
  }[];
}

/** Outputs under the names of inputs; the same elements, in the input's own shape. */
export function feedOf({ model, version, parameters, map, inputs }: FeedTarget): Feed {
  return (outputs) => ({
    ...{ model, version, id: "", parameters, outputs: [] },
    inputs: inputs.map(({ name, datatype, shape }) => {
      const source = map[name] ?? name;
      const output = outputs.find((one) => one.name === source);
      if (output === undefined) {
        throw misfit(`no output '${source}' for input '${name}' of '${model}'`);
      }
      if (output.datatype !== datatype) {
        throw misfit(`output '${source}' is ${output.datatype}, input '${name}' wants ${datatype}`);
      }
      const fitted = fillOpenAxes(output.shape, shape);
      if (fitted === undefined) {
        throw misfit(
          `output '${source}' [${output.shape}] does not fill input '${name}' [${shape}]`,
        );
      }
      return { name, datatype, shape: fitted, parameters: undefined, data: output.data };
    }),
  });
}

/** The shape with its one open axis filled by the elements there are; several open axes want the same rank. */
function fillOpenAxes(
  from: readonly number[],
  to: readonly number[],
): readonly number[] | undefined {
  const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  const open = to.filter((length) => length < 0).length;
  if (open === 0) return size(from) === size(to) ? to : undefined;
  if (open > 1) {
    const same = from.length === to.length && to.every((n, at) => n < 0 || n === from[at]);
    return same ? from : undefined;
  }
  const known = size(to.filter((length) => length >= 0));
  const length = size(from) / known;
  return Number.isInteger(length) ? to.map((n) => (n < 0 ? length : n)) : undefined;
}

function misfit(what: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", `two models that do not fit: ${what}`);
}
