/** Charges tenants for the device time of their batches: as predicted when it is given, corrected when it was measured. */
import { DEFAULT_TENANT } from "../inference/caller.ts";
import type { DeviceUse } from "../policy/fair-share/device-use.ts";
import type { ShareClock } from "../policy/fair-share/share-clock.ts";
import type { Entry } from "./entry.ts";

export class Charging {
  readonly #clock: ShareClock;
  readonly #use: DeviceUse;

  constructor(clock: ShareClock, use: DeviceUse) {
    this.#clock = clock;
    this.#use = use;
  }

  /** For requests whose turn tags do not decide: who sent them pays for them, and holds nobody up while they wait. */
  name(batch: readonly Entry[]): void {
    for (const entry of batch) {
      entry.payer = this.#clock.enter(entry.call.caller?.tenant ?? DEFAULT_TENANT);
      this.#clock.leave(entry.payer);
    }
  }

  /** A device begins with the batch. Each tenant pays for its rows. */
  charge(batch: readonly Entry[], rows: number, predictedUs: number): void {
    forPayers(batch, (payer, itsRows) => {
      this.#clock.give(payer, (predictedUs * itsRows) / rows);
    });
    const last = batch.at(-1)?.payer;
    if (last !== undefined) this.#clock.advance(last);
  }

  /** The device is done with it. @param predictedUs what was charged */
  measured(batch: readonly Entry[], rows: number, predictedUs: number, measuredUs: number): void {
    forPayers(batch, (payer, itsRows) => {
      const part = itsRows / rows;
      this.#clock.correct(payer, (measuredUs - predictedUs) * part);
      this.#use.add(payer.tenant, measuredUs * part, this.#clock.partOf(payer));
    });
  }
}

type Payer = NonNullable<Entry["payer"]>;

/** Once for each run of entries of one tenant: for most batches, once. */
function forPayers(batch: readonly Entry[], tell: (payer: Payer, rows: number) => void): void {
  let payer: Payer | undefined;
  let rows = 0;
  for (const entry of batch) {
    if (entry.payer !== payer) {
      if (payer !== undefined) tell(payer, rows);
      payer = entry.payer;
      rows = 0;
    }
    rows += entry.request.rows;
  }
  if (payer !== undefined) tell(payer, rows);
}
