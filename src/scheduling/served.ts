/** What serves a loaded model version, whatever stands behind it: a pool, sequences, an ensemble, a cache. */

import type { Tenant } from "../inference/caller.ts";
import type { InferCall, InferRequest, ModelSignature } from "../inference/request.ts";
import type { AbsentVariant } from "../policy/routing/variant-view.ts";
import type { Pool } from "../pool/pool.ts";

export interface Served {
  readonly signature: ModelSignature;
  /**
   * Takes over the call: it is answered or failed exactly once, unless it is
   * cancelled first.
   * @throws StatusError UNAVAILABLE when the queue is full or the model is being unloaded.
   */
  submit(request: InferRequest, call: InferCall): void;
  /**
   * Rows that requests of one client may be joined to before they are submitted
   * (`InferRequest.bundled`), where they would share batches anyway; absent or below 2: leave them apart.
   */
  readonly bundleRows?: number;
  /** Requests accepted and not answered. */
  readonly inFlight: number;
  /** Rows that wait for a device; a tenant may be named several times. Absent: nothing waits here. */
  rowsByTenant?(): Iterable<readonly [tenant: string, rows: number]>;
  /** How long what waits here of the tenant will take, by its share and what batches cost, ms. Absent: nobody can tell. */
  waitMsOf?(tenant: Tenant): number;
  /** How long a request that came now would wait for a device, s; undefined: no device serves it, or nobody can tell. */
  readonly secondsAhead?: number | undefined;
  /** Takes nothing more; resolves when everything accepted was answered. */
  drain(): Promise<void>;
  /** After `drain`, or without it: what still waits is failed. Frees the workers. */
  close(): Promise<void>;
  /** Why it cannot serve now, and will not in a moment either; undefined: it can. */
  readonly trouble: string | undefined;
  /** It looks itself at what clients insist on (`policy/routing/wish.ts`); absent: it has one artifact, and does not. */
  readonly honoursWishes?: boolean;
  /** Variants of the model that no device here took. */
  readonly absent?: readonly AbsentVariant[];
  /** Devices of one of its variants, for who uses them while they are idle; absent: it has no variants. */
  poolOf?(variant: string): Pool | undefined;
  /** For dashboards: how many instances there are, and what their load found out. */
  readonly instances: readonly {
    readonly report: {
      readonly batchInvariant: boolean | undefined;
      readonly device: {
        readonly id: string;
        readonly vendor: string;
        readonly platform: string;
        readonly emulated?: boolean;
      };
    };
  }[];
}
