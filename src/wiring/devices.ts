/** All devices of this gateway: boards that are placed, and what others run on. */
import type { BackendModule, Device } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import type { DeviceControl, DeviceReport, LeaseRequest } from "../inference/device-report.ts";
import type { DeviceReservation } from "../inference/reservation-report.ts";
import type { Logger } from "../logger.ts";
import type { BoardReport, Boards } from "../pool/boards.ts";
import type { DeviceLeases } from "../pool/device-leases.ts";
import type { Lease } from "../pool/lease.ts";
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import type { Inventory } from "./inventory.ts";

export interface DeviceParts {
  readonly modules: readonly Pick<BackendModule, "kind" | "formats" | "perDevice">[];
  readonly inventory: Inventory;
  readonly boards: Boards;
  /** Of devices that models share. */
  readonly leases: DeviceLeases;
  served(): readonly ServedModel<Served>[];
  /** Who has a device by the calendar, or will have it; absent: there is no calendar. */
  readonly reservedFor?: ((device: string) => DeviceReservation | undefined) | undefined;
  /** Monotonic ms. */
  now(): number;
  readonly log: Logger;
}

export class Devices implements DeviceControl {
  readonly #parts: DeviceParts;
  /** Devices with several models at once, of backends that know theirs one by one. */
  #shared: readonly ReturnType<typeof about>[] = [];

  constructor(parts: DeviceParts) {
    this.#parts = parts;
  }

  /** Boards are known before the first model is loaded. */
  async find(): Promise<void> {
    const kinds = this.#parts.modules.filter(({ perDevice }) => perDevice === true);
    const found = await Promise.all(
      kinds.map(async ({ kind }) =>
        (await this.#devicesOf(kind))
          .filter(({ reconfigurable }) => reconfigurable !== true)
          .map((device) => about(device, kind)),
      ),
    );
    this.#shared = found.flat();
  }

  async list(): Promise<readonly DeviceReport[]> {
    const boards = this.boards();
    const placed = new Set(boards.map(({ id }) => id));
    const running = this.#running();
    const reports = [...boards];
    for (const { kind, formats, perDevice } of this.#parts.modules) {
      // One without artifacts and devices of its own, such as echo, runs nowhere in particular.
      if (perDevice !== true && Object.keys(formats).length === 0) continue;
      for (const device of await this.#devicesOf(kind)) {
        if (placed.has(device.id)) continue;
        const models = running.get(device.id);
        reports.push({
          ...about(device, kind),
          state: "ready",
          model: models === undefined ? null : [...models].join(", "),
          ...leased(this.#parts.leases.of(device.id), this.#parts.now()),
        });
      }
    }
    return this.#withSensors(reports.map((report) => this.#withReservation(report)));
  }

  #withReservation(report: DeviceReport): DeviceReport {
    const reserved = this.#parts.reservedFor?.(report.id);
    return reserved === undefined ? report : { ...report, reserved };
  }

  async #withSensors(reports: readonly DeviceReport[]): Promise<readonly DeviceReport[]> {
    // Software that stands in for a board has no temperature.
    const kinds = new Set(reports.filter(({ emulated }) => !emulated).map((one) => one.backend));
    const read = await Promise.all([...kinds].map((kind) => this.#parts.inventory.sensorsOf(kind)));
    const byId = new Map(
      read.flat().map(({ id, source, ...values }) => [id, { ...values, sensors: source }]),
    );
    return reports.map((report) => ({ ...report, ...byId.get(report.id) }));
  }

  /** Those that are placed; without asking anybody. */
  boards(): readonly DeviceReport[] {
    const now = this.#parts.now();
    return this.#parts.boards.reports.map((report) => boardReport(report, now));
  }

  /** Those that can be leased; without asking anybody. */
  leasable(): readonly DeviceReport[] {
    const now = this.#parts.now();
    const shared = this.#shared.map((device) => ({
      ...{ ...device, state: "ready" as const, model: null },
      ...leased(this.#parts.leases.of(device.id), now),
    }));
    return [...this.boards(), ...shared];
  }

  async drain(id: string): Promise<void> {
    if (await this.#parts.boards.drain(id)) return;
    await this.#refuse(id);
  }

  async undrain(id: string): Promise<void> {
    if (this.#parts.boards.undrain(id)) return;
    await this.#refuse(id);
  }

  async lease(id: string, { to, models, seconds }: LeaseRequest): Promise<void> {
    const shared = this.#isShared(id);
    if (!shared && !this.boards().some((board) => board.id === id)) await this.#refuse(id);
    const untilMs = this.#parts.now() + 1000 * seconds;
    const leases = shared ? this.#parts.leases : this.#parts.boards;
    const holder = await leases.lease(id, { to, models, untilMs });
    if (holder === undefined) return;
    const remedy = "wait for its end, or release it first";
    throw new StatusError("ALREADY_EXISTS", `device '${id}' is leased to '${holder}': ${remedy}`);
  }

  async release(id: string): Promise<void> {
    if (this.#isShared(id)) this.#parts.leases.release(id);
    else if (!this.#parts.boards.release(id)) await this.#refuse(id);
  }

  #isShared(id: string): boolean {
    return this.#shared.some((device) => device.id === id);
  }

  async #refuse(id: string): Promise<never> {
    const known = (await this.list()).map((device) => device.id);
    if (known.includes(id)) {
      const reason = "models share it; unload them instead, or stop the gateway";
      throw new StatusError("UNIMPLEMENTED", `device '${id}' can't be taken from them: ${reason}`);
    }
    const others = known.join(", ") || "none";
    throw new StatusError("NOT_FOUND", `there is no device '${id}'; there are ${others}`);
  }

  /** A backend whose library is missing has none; its models say why. */
  async #devicesOf(kind: string): Promise<readonly Device[]> {
    try {
      return await this.#parts.inventory.devicesOf(kind);
    } catch (cause) {
      this.#parts.log.warn("the devices of a backend are not known", { backend: kind, cause });
      return [];
    }
  }

  /** `model/version` by device. */
  #running(): ReadonlyMap<string, ReadonlySet<string>> {
    const running = new Map<string, Set<string>>();
    for (const { definition, loaded } of this.#parts.served()) {
      for (const { report } of loaded.instances) {
        const models = running.get(report.device.id) ?? new Set();
        running.set(report.device.id, models.add(`${definition.name}/${definition.version}`));
      }
    }
    return running;
  }
}

function boardReport(report: BoardReport, now: number): DeviceReport {
  const { device, backend, state, holds, breaker, switches, switchMs, trouble } = report;
  const { executions, rows, busyUs } = report.work;
  const { lease } = report;
  return {
    ...about(device, backend),
    state,
    model: holds ?? null,
    breaker,
    switches,
    executions,
    rows,
    busySeconds: busyUs / 1e6,
    workerPid: report.workerPid,
    ...leased(lease, now),
    ...(switchMs === undefined ? {} : { switchMs: Math.round(switchMs) }),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

function leased(lease: Lease | undefined, now: number) {
  return (
    lease && {
      leasedTo: lease.to,
      leasedModels: lease.models,
      leasedSeconds: Math.max(0, Math.round((lease.untilMs - now) / 1000)),
    }
  );
}

/** What a device says of itself. */
export function about(
  { id, vendor, platform, emulated, description, location, linkGroup, memoryBytes }: Device,
  backend: string,
): Omit<DeviceReport, "state" | "model"> {
  return {
    id,
    backend,
    vendor,
    platform,
    emulated: emulated === true,
    ...(description === undefined ? {} : { description }),
    ...(location === undefined ? {} : { location }),
    ...(linkGroup === undefined ? {} : { linkGroup }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
}
