/** The devices of each backend on this host: asked for once, in a worker of its own. */
import type { Device, DeviceSensors } from "../../backends/contract.ts";
import type { Fleet } from "../workers/types.ts";

/** Asking costs a process: not oftener than this. */
const SENSORS_MS = 10_000;

interface Read {
  readonly atMs: number;
  readonly sensors: Promise<readonly DeviceSensors[]>;
}

export class Inventory {
  readonly #fleet: Pick<Fleet, "devices" | "sensors">;
  readonly #sensors = new Map<string, Read>();
  readonly #now: () => number;
  /** By id of the device. */
  readonly #kinds = new Map<string, string>();
  readonly #known = new Map<string, Promise<readonly Device[]>>();

  /** Those of all backends that were asked. */
  readonly known: Device[] = [];
  readonly #found: (backendKind: string, boards: readonly Device[]) => void;

  /** @param found is told of those that hold one artifact at a time */
  constructor(
    fleet: Pick<Fleet, "devices" | "sensors">,
    now: () => number,
    found: (backendKind: string, boards: readonly Device[]) => void,
  ) {
    this.#fleet = fleet;
    this.#found = found;
    this.#now = now;
  }

  /** What the sensors of a backend's devices said at most a few seconds ago; empty where nobody can read them. */
  async sensorsOf(
    backendKind: string,
    mostAgeMs: number = SENSORS_MS,
  ): Promise<readonly DeviceSensors[]> {
    const before = this.#sensors.get(backendKind);
    if (before !== undefined && this.#now() - before.atMs < mostAgeMs) return before.sensors;
    const sensors = this.#fleet.sensors(backendKind).catch(() => []);
    this.#sensors.set(backendKind, { atMs: this.#now(), sensors });
    return sensors;
  }

  /** Kind of the backend that drives it; undefined: none of those that were asked has it. */
  kindOf(device: string): string | undefined {
    return this.#kinds.get(device);
  }

  /** @throws BackendError where the backend's library is missing or broken; it is asked again the next time */
  devicesOf(backendKind: string): Promise<readonly Device[]> {
    const known = this.#known.get(backendKind);
    if (known !== undefined) return known;
    const asking = this.#ask(backendKind);
    this.#known.set(backendKind, asking);
    asking.catch(() => this.#known.delete(backendKind));
    return asking;
  }

  async #ask(backendKind: string): Promise<readonly Device[]> {
    const devices = await this.#fleet.devices(backendKind);
    const boards = devices.filter(({ reconfigurable }) => reconfigurable === true);
    if (boards.length > 0) this.#found(backendKind, boards);
    this.known.push(...devices);
    for (const { id } of devices) this.#kinds.set(id, backendKind);
    return devices;
  }
}
