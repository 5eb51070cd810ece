/** The devices of each backend on this host: asked for once, in a worker of its own. */
import type { Device, DeviceSensors } from "../../backends/contract.ts";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../workers/types.ts";

/** Asking costs a process: not oftener than this. */
const SENSORS_MS = 10_000;
/** A kind of backend that never told anything is asked again after this: most hosts let nobody read their CPU. */
const SILENT_MS = 600_000;
/** Nobody waits longer for sensors: a driver that hangs must not hold up those who look at everything else. */
const PATIENCE_MS = 3_000;
/** So old is what is told in place of an answer that does not come, ms. */
const STALE_MS = 60_000;

interface Read {
  readonly atMs: number;
  /** In time, whatever the backend does. */
  readonly sensors: Promise<readonly DeviceSensors[]>;
  /** The backend has answered. A second process would hang as the first one does. */
  isOver: boolean;
  /** It said nothing, as ever: it has no sensors that can be read. */
  isSilent: boolean;
}

type Answer = { readonly atMs: number; readonly sensors: readonly DeviceSensors[] };

export class Inventory {
  readonly #fleet: Pick<Fleet, "devices" | "sensors">;
  readonly #sensors = new Map<string, Read>();
  /** Kinds that told something once. */
  readonly #talkative = new Set<string>();
  /** The last one of each kind, however late it came. */
  readonly #answers = new Map<string, Answer>();
  readonly #clock: Pick<Clock, "now" | "after">;
  /** By id of the device. */
  readonly #kinds = new Map<string, string>();
  readonly #known = new Map<string, Promise<readonly Device[]>>();

  /** Those of all backends that were asked. */
  readonly known: Device[] = [];
  readonly #found: (backendKind: string, boards: readonly Device[]) => void;

  /** @param found is told of those that hold one artifact at a time */
  constructor(
    fleet: Pick<Fleet, "devices" | "sensors">,
    clock: Pick<Clock, "now" | "after">,
    found: (backendKind: string, boards: readonly Device[]) => void,
  ) {
    this.#fleet = fleet;
    this.#found = found;
    this.#clock = clock;
  }

  /**
   * What the sensors of a backend's devices said at most a few seconds ago, or a minute ago where they do not answer in
   * time; empty where nobody can read them, which is found out anew every few minutes.
   */
  async sensorsOf(
    backendKind: string,
    mostAgeMs: number = SENSORS_MS,
  ): Promise<readonly DeviceSensors[]> {
    const before = this.#sensors.get(backendKind);
    const atMs = this.#clock.now();
    if (before?.isOver === false) return before.sensors;
    const keptMs = before?.isSilent ? SILENT_MS : mostAgeMs;
    if (before !== undefined && atMs - before.atMs < keptMs) return before.sensors;
    const asked = this.#fleet.sensors(backendKind).then(
      (told) => {
        if (told.length > 0) this.#talkative.add(backendKind);
        read.isSilent = !this.#talkative.has(backendKind);
        return told;
      },
      (): readonly DeviceSensors[] => [],
    );
    const sensors = this.#inTime(backendKind, asked);
    const read: Read = { atMs, sensors, isOver: false, isSilent: false };
    this.#sensors.set(backendKind, read);
    void asked.then((told) => {
      read.isOver = true;
      this.#answers.set(backendKind, { atMs: this.#clock.now(), sensors: told });
    });
    return sensors;
  }

  #inTime(
    backendKind: string,
    asked: Promise<readonly DeviceSensors[]>,
  ): Promise<readonly DeviceSensors[]> {
    return new Promise((resolve) => {
      const stopWaiting = this.#clock.after(PATIENCE_MS, () => {
        const last = this.#answers.get(backendKind);
        const isUsable = last !== undefined && this.#clock.now() - last.atMs <= STALE_MS;
        resolve(isUsable ? last.sensors : []);
      });
      void asked.then((sensors) => {
        stopWaiting();
        resolve(sensors);
      });
    });
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
