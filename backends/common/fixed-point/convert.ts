/** Single numbers to raw integers and back. */
import { BackendError, type FixedPointType } from "../../contract.ts";
import { conversionSource } from "./rounding-source.ts";
import { fractionBitsOf, typeFault } from "./type.ts";

/**
 * The raw integer of a number: scaled exactly, rounded as `q` and fitted as `o` says.
 * An infinity saturates or, with WRAP and SAT_ZERO, is 0. NaN is 0 with WRAP and
 * SAT_ZERO and the least value with SAT and SAT_SYM, as in the vendors' C++.
 *
 * @throws BackendError `artifact` for an impossible type
 */
export function quantizerOf(type: FixedPointType): (x: number) => number {
  refuseFaults(type);
  return conversion(type, fractionBitsOf(type));
}

/** The number a raw integer stands for; always exact. @throws BackendError `artifact` */
export function restorerOf(type: FixedPointType): (raw: number) => number {
  refuseFaults(type);
  const unit = 2 ** -fractionBitsOf(type);
  return (raw) => raw * unit;
}

/** Raw integers of one type to those of another, as an assignment in C++. @throws BackendError `artifact` */
export function casterOf(from: FixedPointType, to: FixedPointType): (raw: number) => number {
  refuseFaults(from);
  refuseFaults(to);
  return conversion(to, fractionBitsOf(to) - fractionBitsOf(from));
}

/** One raw integer; where there are many, keep the `casterOf`. @throws BackendError `artifact` */
export function castRaw(raw: number, from: FixedPointType, to: FixedPointType): number {
  return casterOf(from, to)(raw);
}

export function refuseFaults(type: FixedPointType): void {
  const fault = typeFault(type);
  if (fault !== undefined) throw new BackendError("artifact", `fixed-point type: ${fault}`);
}

function conversion(type: FixedPointType, shift: number): (x: number) => number {
  const body = `"use strict"; ${conversionSource(type, shift)} return r + 0;`;
  return new Function("x", body) as (x: number) => number;
}
