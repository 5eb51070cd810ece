/** A sum that only grows and stays exact: a number for the hot path, a bigint for what overflows it. */
export class Total {
  #recent = 0;
  #earlier = 0n;

  /** @param amount a whole number ≥ 0; anything else counts as the nearest one. */
  add(amount: number): void {
    this.#recent += amount > 0 ? Math.round(amount) : 0;
    // Far below 2^53, so that no single addition can round.
    if (this.#recent >= 2 ** 51) this.#spill();
  }

  get value(): bigint {
    return this.#earlier + BigInt(this.#recent);
  }

  #spill(): void {
    this.#earlier += BigInt(this.#recent);
    this.#recent = 0;
  }
}
