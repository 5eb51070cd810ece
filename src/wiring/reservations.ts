/**
 * The calendar at work: leases devices for the windows of reservations, and gives them back. What a lease does (drain
 * others, keep them away, end) is the boards' affair; here it is only asked for.
 */
import type { Clock } from "../clock.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { DeviceControl, DeviceReport } from "../inference/device-report.ts";
import type {
  DeviceReservation,
  ReservationContext,
  ReservationControl,
  ReservationList,
  ReservationReport,
} from "../inference/reservation-report.ts";
import type { Logger } from "../logger.ts";
import { readReservation } from "../policy/reservation/read-reservation.ts";
import {
  nextWithdrawal,
  type Reservation,
  type Withdrawal,
  windowsAt,
  withdrawalAt,
} from "../policy/reservation/reservation.ts";
import { type SharedValue, type TenancyStore, tellOf } from "./tenancy-store.ts";

export interface ReservationParts {
  readonly store: TenancyStore;
  /** Names of the models of a tenant; undefined: there is none of that name. */
  modelsOf(tenant: string): readonly string[] | undefined;
  /** Devices that may be withdrawn, without asking anybody. */
  boards(): readonly DeviceReport[];
  readonly devices: Pick<DeviceControl, "lease" | "release">;
  readonly clock: Clock;
  /** ms since 1970. */
  wallMs(): number;
  readonly log: Logger;
}

const LOOK_MS = 1000;
const MINUTE_MS = 60_000;
const MOST_ADDED = 1000;

interface Held {
  readonly withdrawal: Withdrawal;
  readonly leasedTo: string;
}

export class Reservations implements ReservationControl {
  readonly #parts: ReservationParts;
  #fromFile: readonly Reservation[] = [];
  readonly #added: SharedValue<readonly object[]>;
  #calendar: readonly Reservation[] = [];
  /** Those that were added, by what was written: a calendar that is read again has the same ones. */
  #known: ReadonlyMap<string, Reservation> = new Map();
  #generation = -1;
  #windows: readonly Withdrawal[] = [];
  readonly #held = new Map<string, Held>();
  /** By reservation: what went wrong last. */
  readonly #troubles = new Map<string, string>();
  #stopLooking: (() => void) | undefined;

  constructor(parts: ReservationParts) {
    this.#parts = parts;
    this.#added = parts.store.value<readonly object[]>("reservations", []);
  }

  /** Once the tenants are known, and the file is read. */
  start(): void {
    this.#lookAgain();
  }

  /**
   * The operator's file, in its order, in place of what it said before. What it says as before keeps its devices.
   * @throws StatusError INVALID_ARGUMENT for what is wrong in it; then the calendar stays as it is
   */
  useFile(file: readonly object[]): void {
    const before = new Map(this.#fromFile.map((each) => [JSON.stringify(each), each]));
    const read = file.map((given) => {
      const reservation = readReservation(given, this.#parts.modelsOf);
      return before.get(JSON.stringify(reservation)) ?? reservation;
    });
    requireDistinct(read);
    this.#fromFile = read;
    this.#generation = -1;
    if (this.#stopLooking !== undefined) this.#look();
  }

  #lookAgain(): void {
    this.#look();
    this.#stopLooking = this.#parts.clock.after(LOOK_MS, () => this.#lookAgain());
  }

  /** Leases end with the boards. */
  stop(): void {
    this.#stopLooking?.();
  }

  list(): ReservationList {
    this.#follow();
    const { store } = this.#parts;
    const windows = new Map(this.#windows.map((window) => [window.reservation, window]));
    return {
      generation: this.#added.generation,
      durable: store.durable,
      reservations: this.#calendar.map((reservation, at) =>
        this.#report(
          reservation,
          windows.get(reservation),
          at < this.#fromFile.length ? "file" : "added",
        ),
      ),
    };
  }

  async add(given: object, context: ReservationContext): Promise<ReservationList> {
    const { modelsOf } = this.#parts;
    const reservation = readReservation(given, modelsOf);
    this.#follow();
    if (this.#calendar.some(({ name }) => name === reservation.name)) {
      throw new StatusError(
        "ALREADY_EXISTS",
        `there is a reservation '${reservation.name}' already`,
      );
    }
    if (this.#added.value.length >= MOST_ADDED) {
      throw new StatusError(
        "RESOURCE_EXHAUSTED",
        `${MOST_ADDED} reservations are the most that can be added`,
      );
    }
    await this.#commit([...this.#added.value, given], context, "add reservation", given);
    return this.list();
  }

  async remove(name: string, context: ReservationContext): Promise<ReservationList> {
    if (this.#fromFile.some((reservation) => reservation.name === name)) {
      const text = `reservation '${name}' stands in the operator's file (tenancy.reservationsFile)`;
      throw new StatusError("FAILED_PRECONDITION", `${text}: change it there`);
    }
    const left = this.#added.value.filter((given) => nameOf(given) !== name);
    if (left.length === this.#added.value.length) {
      throw new StatusError("NOT_FOUND", `there is no reservation '${name}'`);
    }
    await this.#commit(left, context, "remove reservation", { name });
    return this.list();
  }

  /** Who has the device, or will have it; undefined: nobody. */
  of(device: string): DeviceReservation | undefined {
    const now = this.#parts.wallMs();
    const found =
      withdrawalAt(this.#windows, device, now) ?? nextWithdrawal(this.#windows, device, now);
    if (found === undefined) return undefined;
    const { name, tenant } = found.reservation;
    return { name, tenant, ...timesOf(found), state: stateOf(found, now) };
  }

  async #commit(
    value: readonly object[],
    { who, generation = this.#added.generation }: ReservationContext,
    action: string,
    reservation: object,
  ): Promise<void> {
    const { store, wallMs } = this.#parts;
    const at = new Date(wallMs()).toISOString();
    const line = { ...{ at, who, action }, reservation };
    await this.#added.commit(generation, value, line);
    this.#look();
    await tellOf(store, line, this.#added.generation);
  }

  #follow(): void {
    const { generation, value } = this.#added;
    if (generation === this.#generation) return;
    this.#generation = generation;
    const added = new Map<string, Reservation>();
    for (const given of value) {
      const written = JSON.stringify(given);
      const reservation = this.#known.get(written) ?? this.#readAgain(given);
      if (reservation === undefined) continue;
      if (this.#fromFile.some(({ name }) => name === reservation.name)) {
        const text = "a reservation that was added is left out: the file has one of its name";
        this.#parts.log.warn(text, { reservation: reservation.name });
      } else added.set(written, reservation);
    }
    this.#known = added;
    this.#calendar = [...this.#fromFile, ...added.values()];
    this.#windows = windowsAt(this.#calendar, this.#parts.wallMs(), this.#windows);
  }

  /** It was right when it was added; its tenant may be gone since. */
  #readAgain(given: object): Reservation | undefined {
    try {
      return readReservation(given, this.#parts.modelsOf);
    } catch (thrown) {
      this.#parts.log.warn(`a reservation is left out: ${toStatusError(thrown).message}`);
      return undefined;
    }
  }

  #look(): void {
    this.#follow();
    const now = this.#parts.wallMs();
    this.#windows = windowsAt(this.#calendar, now, this.#windows);
    this.#troubles.clear();
    for (const board of this.#parts.boards()) {
      const wanted = withdrawalAt(this.#windows, board.id, now);
      const held = this.#held.get(board.id);
      // A window that only changed is a lease that takes the place of the one before: nobody gets in between.
      if (held !== undefined && held.leasedTo !== leaseHolder(wanted)) this.#giveBack(board, held);
      if (wanted !== undefined) this.#take(board, wanted, now);
    }
    this.#noticeUnknownDevices(now);
  }

  #take(board: DeviceReport, wanted: Withdrawal, now: number): void {
    const { devices, log } = this.#parts;
    const { name, tenant, models } = wanted.reservation;
    const leasedTo = leaseHolder(wanted);
    const held = this.#held.get(board.id);
    if (board.leasedTo === leasedTo && isSame(held?.withdrawal, wanted)) return;
    if (board.leasedTo !== undefined && board.leasedTo !== leasedTo) {
      this.#troubles.set(name, `${board.id} is leased to ${board.leasedTo}`);
      return;
    }
    this.#held.set(board.id, { withdrawal: wanted, leasedTo });
    log.info("a device is withdrawn", { device: board.id, reservation: name, tenant });
    const seconds = (wanted.toMs - now) / 1000;
    devices.lease(board.id, { to: leasedTo, models, seconds }).catch((thrown: unknown) => {
      this.#held.delete(board.id);
      const reason = toStatusError(thrown).message;
      log.warn(`a device cannot be withdrawn: ${reason}`, { device: board.id, reservation: name });
    });
  }

  #giveBack(board: DeviceReport, { withdrawal, leasedTo }: Held): void {
    const { devices, log } = this.#parts;
    this.#held.delete(board.id);
    const { name } = withdrawal.reservation;
    log.info("a device is returned", { device: board.id, reservation: name });
    if (board.leasedTo !== leasedTo) return;
    devices.release(board.id).catch((thrown: unknown) => {
      log.warn(`a device cannot be returned: ${toStatusError(thrown).message}`, {
        device: board.id,
      });
    });
  }

  #noticeUnknownDevices(now: number): void {
    const boards = this.#parts.boards();
    for (const window of this.#windows) {
      const { name } = window.reservation;
      if (stateOf(window, now) === "waiting" || this.#troubles.has(name)) continue;
      const one = [window];
      if (boards.some(({ id }) => withdrawalAt(one, id, now) !== undefined)) continue;
      const known = boards.map(({ id }) => id).join(", ") || "none";
      this.#troubles.set(name, `no board matches its devices; boards are: ${known}`);
    }
  }

  #report(
    reservation: Reservation,
    known: Withdrawal | undefined,
    origin: ReservationReport["origin"],
  ): ReservationReport {
    const now = this.#parts.wallMs();
    const { name, tenant, devices, models, leadMs } = reservation;
    const window = known !== undefined && now < known.toMs ? known : undefined;
    const trouble = this.#troubles.get(name);
    const holds = [...this.#held].filter(([, held]) => held.withdrawal.reservation === reservation);
    return {
      ...{ name, tenant, devices, models, leadMinutes: leadMs / MINUTE_MS },
      ...(window && timesOf(window)),
      state: window === undefined ? "over" : stateOf(window, now),
      holds: holds.map(([device]) => device),
      ...(trouble === undefined ? {} : { trouble }),
      origin,
    };
  }
}

const isSame = (one: Withdrawal | undefined, other: Withdrawal) =>
  one?.reservation === other.reservation && one.fromMs === other.fromMs && one.toMs === other.toMs;

function leaseHolder(wanted: Withdrawal): string;
function leaseHolder(wanted: Withdrawal | undefined): string | undefined;
function leaseHolder(wanted: Withdrawal | undefined): string | undefined {
  return wanted && `${wanted.reservation.tenant} (reservation ${wanted.reservation.name})`;
}

const nameOf = (given: object) => (given as { readonly name?: unknown }).name;

const timesOf = ({ fromMs, toMs }: Withdrawal) => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(toMs).toISOString(),
});

function stateOf({ fromMs, reservation }: Withdrawal, now: number) {
  if (now >= fromMs) return "running";
  return now >= fromMs - reservation.leadMs ? "draining" : "waiting";
}

function requireDistinct(calendar: readonly Reservation[]): void {
  const names = new Set<string>();
  for (const { name } of calendar) {
    if (names.has(name)) {
      throw new StatusError("INVALID_ARGUMENT", `reservation '${name}' stands twice in the file`);
    }
    names.add(name);
  }
}
