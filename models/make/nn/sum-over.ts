/** The sum of a network over the members of a set, with gradients: one half of deep sets. */
import type { DenseStack } from "./dense-stack.ts";

/** The members of all sets, one row each, and where each set's rows begin. */
export interface PackedSets {
  readonly rows: Float64Array;
  /** One more than there are sets. */
  readonly starts: Uint32Array;
}

/** `stack` turns the `width` numbers of a member into `latent` numbers, which are added up. */
export class SumOver {
  readonly #stack: DenseStack;
  readonly #packed: PackedSets;
  readonly #width: number;
  readonly #latent: number;
  /** The set of each member in the latest `forward`, as a position among those chosen. */
  #owners: number[] = [];

  constructor(stack: DenseStack, packed: PackedSets, width: number, latent: number) {
    this.#stack = stack;
    this.#packed = packed;
    this.#width = width;
    this.#latent = latent;
  }

  /** Adds up the chosen sets. The result goes into `sums`, [sets, stride], from column `column` on. */
  forward(sets: Uint32Array, sums: Float64Array, stride: number, column: number): void {
    const { rows, starts } = this.#packed;
    const width = this.#width;
    this.#owners = [];
    const members: Float64Array[] = [];
    sets.forEach((set, at) => {
      const [from, to] = [starts[set] as number, starts[set + 1] as number];
      members.push(rows.subarray(from * width, to * width));
      for (let i = from; i < to; i++) this.#owners.push(at);
    });
    const joined = new Float64Array(this.#owners.length * width);
    let offset = 0;
    for (const part of members) {
      joined.set(part, offset);
      offset += part.length;
    }
    const latent = this.#stack.forward(joined, this.#owners.length);
    this.#owners.forEach((owner, row) => {
      for (let k = 0; k < this.#latent; k++) {
        const at = owner * stride + column + k;
        sums[at] = (sums[at] as number) + (latent[row * this.#latent + k] as number);
      }
    });
  }

  /** Hands the slope along each sum to all that went into it. */
  backward(slope: Float64Array, stride: number, column: number): void {
    const spread = new Float64Array(this.#owners.length * this.#latent);
    this.#owners.forEach((owner, row) => {
      const at = owner * stride + column;
      spread.set(slope.subarray(at, at + this.#latent), row * this.#latent);
    });
    this.#stack.backward(spread, this.#owners.length);
  }
}
