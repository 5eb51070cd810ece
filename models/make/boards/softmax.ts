/** A softmax by tables, good to about a thousandth. */
import { quantizerOf } from "../../../backends/common/fixed-point/convert.ts";
import { integerBits, type NodeJson, unsigned } from "./network-json.ts";

/** Entries of either table. */
const ENTRIES = 4096;
/** Distances to the largest logit up to here are told apart; beyond, a share is below 1.2e-7. */
const SPAN = 16;

/** Probabilities of 16 bits. */
const PROBABILITY = unsigned(16, 1);

export function softmaxNode(name: string, input: string, classes: number): NodeJson {
  const bits = Math.log2(ENTRIES);
  const distance = unsigned(bits, Math.log2(SPAN));
  const power = unsigned(17, 1);
  const whole = integerBits(classes) - 1;
  const total = unsigned(16 + whole, whole);
  const exponential = quantizerOf(power);
  // An entry stands for all totals that share their top bits: the middle of them.
  const step = 2 ** whole / ENTRIES;
  return {
    ...{ name, op: "softmax_stable", inputs: [input], out_t: PROBABILITY, table_size: ENTRIES },
    ...{ difference: "max-x", inp_norm_t: distance },
    ...{ exp_table_t: power, inv_table_t: power, accum_t: total, inv_inp_t: total },
    exp_table_raw: entries((n) => exponential(Math.exp((-n * SPAN) / ENTRIES))),
    inv_table_raw: entries((n) => exponential(1 / ((n + 0.5) * step))),
  };
}

function entries(of: (n: number) => number): number[] {
  return Array.from({ length: ENTRIES }, (_, n) => of(n));
}
