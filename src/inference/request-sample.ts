/** A finished request as the dashboard shows it: one of some, with where its time went. */

/** Times are µs; `wireUs`, `queueUs`, `batchUs` and `computeUs` add up to `totalUs` where all stages were reached. */
export interface RequestSample {
  /** Grows with every sample of a process. */
  readonly seq: number;
  /** As the client named it, cut off where it is long; empty: it did not. */
  readonly id: string;
  /** When it was received, ISO 8601. */
  readonly at: string;
  readonly model: string;
  readonly version: string;
  readonly tenant: string;
  readonly outcome: "answered" | "rejected" | "cancelled" | "failed";
  readonly rows: number;
  /** Of the batch it was executed in. */
  readonly batchRows?: number;
  /** Of a bundle of a stream; absent: one. */
  readonly requests?: number;
  readonly device?: string;
  readonly variant?: string;
  /** Answered from the cache. */
  readonly cached?: true;
  /** Asked by the gateway for another request, such as a step of an ensemble. */
  readonly onBehalf?: true;
  /** None of its tenant took longer in the same half second. */
  readonly slowest?: true;
  readonly totalUs: number;
  /** From the last byte of the request to its place in a queue. */
  readonly wireUs: number;
  /** Waiting for a batch. */
  readonly queueUs?: number;
  /** Making the batch, waiting for its turn on the device, and parting the answer. */
  readonly batchUs?: number;
  readonly computeUs?: number;
}

/** Whose requests somebody may see. */
export type MaySee = (tenant: string, model: string) => boolean;

export interface RequestSamples {
  /** `seq` of the newest there is, whoever may see it; less than one that is known: another process tells. */
  readonly last: number;
  /** In the order in which they were kept. */
  readonly requests: readonly RequestSample[];
}

export interface RequestSampling {
  /**
   * Of those that ended since `after`, the newest. Whoever asks is taken as looking for some seconds more:
   * nothing is sampled for nobody.
   * @param after `seq` of the last one that is known; 0: none is
   */
  newest(after: number, maySee: MaySee): RequestSamples;
}
