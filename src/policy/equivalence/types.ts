/** In which sense an artifact computes the same numbers as the reference, and what was found. */

/** Compared element by element with the reference, unless it says otherwise. */
export type EquivalenceClass =
  /** The same bits; all NaN are one value. */
  | { readonly kind: "bit-exact" }
  /** At most `max` representable numbers of the output's datatype lie between the two. */
  | { readonly kind: "ulp"; readonly max: number }
  /** |got - expected| ≤ abs + rel · |expected| */
  | { readonly kind: "abs-rel"; readonly abs: number; readonly rel: number }
  /** At most `lsb` units of 2^-(w - i), the resolution of ap_fixed<w, i>; of 1 for outputs of raw integers. */
  | {
      readonly kind: "fixed-point";
      readonly w: number;
      readonly i: number;
      readonly lsb: number;
    }
  /**
   * What the experiment decides with one number a row: the element `element` (default 0) of output
   * `output`, accepted at or above `threshold`. Limits that are absent do not apply.
   */
  | {
      readonly kind: "physics";
      readonly output: string;
      readonly element?: number;
      readonly threshold: number;
      /** Least share of the rows on which both decide alike, 0 to 1. */
      readonly minAgreement?: number;
      /** Largest difference of the accepted share, 0 to 1. */
      readonly maxEfficiencyDifference?: number;
      /** Largest difference of the area under the ROC curve; the golden file needs `labels` (0 or 1 a row). */
      readonly maxAucDifference?: number;
    };

/** What an artifact declares. */
export interface Equivalence {
  readonly class: EquivalenceClass;
  /** Outputs that are judged by another class, by name. */
  readonly outputs?: Readonly<Record<string, EquivalenceClass>>;
}

/** Where an output was furthest from the reference. */
export interface WorstElement {
  /** Row of the golden file. */
  readonly row: number;
  /** Position within the row, row-major. */
  readonly element: number;
  readonly got: number | string;
  readonly expected: number | string;
  /** In the unit of the class: ulp, LSB, or absolute. */
  readonly error: number;
}

/** Errors of one output over all rows. */
export interface OutputErrors {
  readonly name: string;
  readonly datatype: string;
  readonly class: EquivalenceClass;
  readonly passed: boolean;
  readonly elements: number;
  /** Outside the class. */
  readonly failing: number;
  readonly differing: number;
  readonly maxAbs: number;
  readonly maxRel: number;
  readonly maxUlp: number;
  /** Elements by error: `counts[k]` have an error in (edges[k - 1], edges[k]]; the last one is everything above. */
  readonly histogram: {
    readonly unit: "ulp" | "lsb" | "abs";
    readonly edges: readonly number[];
    readonly counts: readonly number[];
  };
  /** Largest errors first. */
  readonly worst: readonly WorstElement[];
}

/** One way in which the golden rows were run again. */
export interface InvarianceCase {
  /** A row alone; in a batch of `rows`; at another place of it; in one that the gateway or the board pads. */
  readonly arrangement: "alone" | "batch" | "elsewhere" | "padded";
  readonly rows: number;
  readonly compared: number;
  /** Rows whose bits differ from those of the first arrangement. */
  readonly differing: number;
  /** Rows outside the declared class: what makes the gate refuse. */
  readonly failing: number;
}

export interface BatchInvariance {
  /** Not one bit differs between the arrangements. */
  readonly invariant: boolean;
  readonly cases: readonly InvarianceCase[];
}

export interface PhysicsFigures {
  readonly rows: number;
  readonly agreement: number;
  readonly flipped: number;
  readonly efficiency: number;
  readonly referenceEfficiency: number;
  readonly auc?: number;
  readonly referenceAuc?: number;
}
