/** What the variants of a model show to whoever chooses between them. */

/** What a variant is, whether it serves or not. */
export interface VariantIdentity {
  /** Unique within the model. */
  readonly name: string;
  readonly vendor: string;
  /** In the vendor's own name, as `Artifact.platform`. */
  readonly platform: string;
  /** Variants of one class give the same bits for the same input. */
  readonly numericClass: string;
  /** `sha256:<hex>` of its artifact; absent or empty: it has none, or nobody hashed it. */
  readonly digest?: string | undefined;
}

/** A variant that belongs to the model and can be had from none of its devices here. */
export interface AbsentVariant extends VariantIdentity {
  /** Why, for people. */
  readonly reason: string;
}

/**
 * One variant with the devices that serve it. Objects may be kept by their owner
 * and changed in place: nothing here outlives the call that it was handed to.
 */
export interface VariantView extends VariantIdentity {
  /** Kind of the backend. */
  readonly backend: string;
  /** At least one instance would start a batch now. */
  readonly ready: boolean;
  /** False while the breakers of all its devices are open. */
  readonly allowed: boolean;
  /**
   * Where it is not ready: ms until it probably is, because it is being loaded or will be given a
   * device. Rows may wait in its queue until then. Absent: nobody knows, its queue takes none.
   */
  readonly readyInMs?: number | undefined;
  /** Cost of one execution whatever its size, ms; 0 while unknown. */
  readonly fixedMs: number;
  /** Cost of one row more on one instance, ms; 0 while unknown. */
  readonly msPerRow: number;
  readonly queuedRows: number;
  /** Rows that devices execute now. */
  readonly inFlightRows: number;
  /** Instances that share the queue. */
  readonly instances: number;
}

/**
 * ms until `rows` more would be answered, by what is ahead of them and the measured cost. A variant of
 * unknown cost is worth a try while it is idle (0), so that it becomes known, and not otherwise (Infinity).
 */
export function expectedDelayMs(view: VariantView, rows: number): number {
  const { fixedMs, msPerRow } = view;
  const ahead = view.queuedRows + view.inFlightRows;
  const untilReady = view.ready ? 0 : (view.readyInMs ?? Number.POSITIVE_INFINITY);
  if (fixedMs === 0 && msPerRow === 0) return ahead === 0 ? untilReady : Number.POSITIVE_INFINITY;
  const waitMs = ahead === 0 ? 0 : fixedMs + (ahead * msPerRow) / Math.max(1, view.instances);
  return untilReady + waitMs + fixedMs + rows * msPerRow;
}

/** It starts a batch as soon as it has one. */
export const serves = (view: VariantView): boolean => view.ready && view.allowed;

/** It does not serve yet, but rows may wait for it. */
export const willServe = (view: VariantView): boolean =>
  !view.ready && view.allowed && view.readyInMs !== undefined;
