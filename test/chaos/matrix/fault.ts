/** A row of the fault matrix: what goes wrong, what must hold, and what shows that it does. */

/** Cases of a part of this suite whose names match: there must be some, and all must have passed. */
export interface ByCases {
  readonly part: string;
  readonly cases: RegExp;
}

/** Tests of a file whose full names match: there must be some, and all must have passed. */
export interface ByTests {
  readonly file: string;
  readonly tests: RegExp;
}

/** A program that is not run here: the row is "not run". */
export interface Elsewhere {
  readonly program: string;
}

export type Proof = ByCases | ByTests | Elsewhere;

export interface Fault {
  readonly id: string;
  readonly what: string;
  /** The figure to reach. */
  readonly goal: string;
  readonly proofs: readonly Proof[];
}
