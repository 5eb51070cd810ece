/** What devices draw, from the sensors of their backends. */
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import type { ReadPower } from "../telemetry/ledger/energy-meter.ts";
import type { Inventory } from "./inventory.ts";

export interface PowerReaderParts {
  readonly inventory: Pick<Inventory, "kindOf" | "sensorsOf">;
  /** Backends that have one device, such as CPUs, are loaded without a look at the inventory. */
  served(): readonly ServedModel<Pick<Served, "instances">>[];
  /** Monotonic ms. */
  now(): number;
}

/** Reading costs a process: a kind that never told any power is asked again after this, ms. */
const SILENT_MS = 600_000;
/** Somebody else may have had the sensors read just now, ms. */
const MOST_AGE_MS = 1_000;

export class PowerReader {
  readonly #parts: PowerReaderParts;
  /** By kind of backend: when it is asked again; 0: it has told some. */
  readonly #silentUntil = new Map<string, number>();

  constructor(parts: PowerReaderParts) {
    this.#parts = parts;
  }

  /** Software that stands in for a board has no power. */
  readonly read: ReadPower = async (devices) => {
    const ids = new Map<string, Set<string>>();
    for (const { id, emulated } of devices) {
      const kind = emulated === true ? undefined : this.#kindOf(id);
      if (kind !== undefined) ids.set(kind, (ids.get(kind) ?? new Set()).add(id));
    }
    const found = await Promise.all([...ids].map(([kind, wanted]) => this.#ofKind(kind, wanted)));
    return new Map(found.flat());
  };

  /** Of its backend; undefined: nothing runs there any more. */
  #kindOf(device: string): string | undefined {
    const { inventory, served } = this.#parts;
    const runs = ({ loaded }: ReturnType<typeof served>[number]) =>
      loaded.instances.some(({ report }) => report.device.id === device);
    return inventory.kindOf(device) ?? served().find(runs)?.definition.backendKind;
  }

  async #ofKind(kind: string, wanted: ReadonlySet<string>): Promise<[string, number][]> {
    const { inventory, now } = this.#parts;
    const silentUntil = this.#silentUntil.get(kind);
    if (now() < (silentUntil ?? 0)) return [];
    const sensors = await inventory.sensorsOf(kind, MOST_AGE_MS);
    const found = sensors.flatMap(({ id, powerW }) =>
      powerW !== undefined && wanted.has(id) ? [[id, powerW] as [string, number]] : [],
    );
    if (found.length > 0) this.#silentUntil.set(kind, 0);
    else if (silentUntil !== 0) this.#silentUntil.set(kind, now() + SILENT_MS);
    return found;
  }
}
