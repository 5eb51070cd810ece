/** Quantised networks as they are written down: see `backends/common/fixed-point/README.md`. */
import type { FixedPointType } from "../../../backends/contract.ts";

export interface NodeJson {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly out_t: FixedPointType;
  readonly [field: string]: unknown;
}

export interface NetworkJson {
  readonly format: "hls4ml-golden-1";
  readonly name: string;
  readonly description: string;
  readonly arithmetic: "ap_fixed";
  /** Of the one input that is called `input`; or `inputs`, by their names. */
  readonly input_t?: FixedPointType;
  readonly n_input?: number;
  readonly inputs?: readonly {
    readonly name: string;
    readonly n: number;
    readonly t: FixedPointType;
  }[];
  readonly nodes: readonly NodeJson[];
  readonly outputs: readonly { readonly name: string; readonly node: string; readonly n: number }[];
}

/** Rounds to nearest and saturates: what loses least. */
export function signed(w: number, i: number): FixedPointType {
  return { w, i, signed: true, q: "RND", o: "SAT" };
}

export function unsigned(w: number, i: number): FixedPointType {
  return { ...signed(w, i), signed: false };
}

/** Bits left of the binary point, the sign among them, for numbers up to `most` in size. */
export function integerBits(most: number): number {
  return most === 0 ? 1 : Math.floor(Math.log2(most)) + 2;
}

export function largest(values: Iterable<number>): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}
