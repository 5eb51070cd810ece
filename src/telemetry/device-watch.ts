/**
 * Devices as they are told at a scrape. A scrape never waits for a device: it gets what was read last, and has
 * it read again for the next one. Energy and use are figured here, over the time between two readings.
 */
import type { DeviceReport } from "../inference/device-report.ts";

export interface DeviceWatchParts {
  /** Asks backends, where it must. */
  list(): Promise<readonly DeviceReport[]>;
  /** Those whose state is known without asking anybody. */
  boards(): readonly DeviceReport[];
  /** How busy the host's cores are, 0 to 1. */
  hostUse(): number;
  /** Monotonic ms. */
  now(): number;
}

/** Reading sensors starts a process for each kind of backend, ms. */
const READ_EVERY_MS = 30_000;
/** Shortest time over which use is taken, ms. */
const USE_OVER_MS = 1_000;

interface Course {
  /** Reading of the power before the newest. */
  powerW: number;
  powerAt: number;
  joules: number;
  busySeconds: number;
  busyAt: number;
  use: number;
}

export interface WatchedDevice {
  readonly report: DeviceReport;
  /** 0 to 1: as the sensor says, else the part of the time it executed, else of the host; undefined: not known. */
  readonly use: number | undefined;
  /** Since its power was read first, J; undefined: nobody can read it. */
  readonly joules: number | undefined;
}

export class DeviceWatch {
  readonly #parts: DeviceWatchParts;
  readonly #courses = new Map<string, Course>();
  #listed: readonly DeviceReport[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(parts: DeviceWatchParts) {
    this.#parts = parts;
  }

  latest(): readonly WatchedDevice[] {
    if (this.#parts.now() - this.#readAt >= READ_EVERY_MS) void this.read();
    const boards = new Map(this.#parts.boards().map((board) => [board.id, board]));
    const listed = this.#listed.map((report) => {
      const board = boards.get(report.id);
      boards.delete(report.id);
      // Counts and state of now, sensors of the last reading.
      return board === undefined ? report : { ...report, ...board };
    });
    return [...listed, ...boards.values()].map((report) => this.#watched(report));
  }

  /** Does not reject: what cannot be read stays as it was. */
  read(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    this.#readAt = this.#parts.now();
    try {
      this.#listed = await this.#parts.list();
    } catch {
      return; // whoever lists them has said why
    }
    const now = this.#parts.now();
    for (const { id, powerW } of this.#listed) {
      if (powerW === undefined) continue;
      const course = this.#course(id);
      if (course.powerAt > Number.NEGATIVE_INFINITY) {
        course.joules += (((course.powerW + powerW) / 2) * (now - course.powerAt)) / 1000;
      }
      course.powerW = powerW;
      course.powerAt = now;
    }
  }

  #watched(report: DeviceReport): WatchedDevice {
    const course = this.#course(report.id);
    const joules = course.powerAt > Number.NEGATIVE_INFINITY ? course.joules : undefined;
    return { report, use: report.utilisation ?? this.#use(report, course), joules };
  }

  #use({ busySeconds, backend }: DeviceReport, course: Course): number | undefined {
    if (busySeconds === undefined) {
      return backend === "arm-cpu" ? this.#parts.hostUse() : undefined;
    }
    const now = this.#parts.now();
    const overMs = now - course.busyAt;
    if (overMs < USE_OVER_MS) return course.use;
    if (overMs < Number.POSITIVE_INFINITY) {
      const busyMs = 1000 * (busySeconds - course.busySeconds);
      course.use = Math.min(1, Math.max(0, busyMs / overMs));
    }
    course.busySeconds = busySeconds;
    course.busyAt = now;
    return course.use;
  }

  #course(id: string): Course {
    let course = this.#courses.get(id);
    if (course === undefined) {
      const never = Number.NEGATIVE_INFINITY;
      course = { powerW: 0, powerAt: never, joules: 0, busySeconds: 0, busyAt: never, use: 0 };
      this.#courses.set(id, course);
    }
    return course;
  }
}
