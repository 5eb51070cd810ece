/** The operator's calendar: `reservations:` and a list, each as `policy/reservation/read-reservation.ts` reads it. */
import { readFile, stat } from "node:fs/promises";
import { StatusError, toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { WatchedFiles } from "../tenants/watched-files.ts";
import { yamlValueOf } from "../tenants/yaml-value.ts";

const LARGEST_BYTES = 4 * 1024 * 1024;
/** All are looked at every second. */
const MOST = 10_000;

/** Read at the start, again when it is another one, and when somebody asks. */
export class ReservationsFile {
  readonly #path: string;
  readonly #use: (given: readonly object[]) => void;
  readonly #log: Logger;
  readonly #watched: WatchedFiles;

  /** @param use throws for what is wrong in it, and keeps what it had */
  constructor(path: string, use: (given: readonly object[]) => void, log: Logger) {
    this.#path = path;
    this.#use = use;
    this.#log = log;
    this.#watched = new WatchedFiles(
      () => [path],
      () => this.#readAgain(),
    );
  }

  /** @throws StatusError INVALID_ARGUMENT naming the file */
  async start(): Promise<void> {
    await this.#read();
    await this.#watched.start();
  }

  /** Does not reject: what is broken leaves the calendar as it was. */
  reload(): Promise<void> {
    return this.#watched.reload();
  }

  stop(): Promise<void> {
    return this.#watched.stop();
  }

  async #readAgain(): Promise<void> {
    try {
      await this.#read();
      this.#log.info("the calendar of reservations is read again", { file: this.#path });
    } catch (thrown) {
      const reason = toStatusError(thrown).message;
      this.#log.error(`reservations: the calendar that was read before still counts: ${reason}`);
    }
  }

  async #read(): Promise<void> {
    const given = await readReservationsFile(this.#path);
    try {
      this.#use(given);
    } catch (thrown) {
      const { code, message } = toStatusError(thrown);
      throw new StatusError(code, `${this.#path}: ${message}`, { cause: thrown });
    }
  }
}

/** @throws StatusError INVALID_ARGUMENT naming the file */
async function readReservationsFile(path: string): Promise<readonly object[]> {
  const read = await parsed(path);
  const { reservations, ...others } = Object(read) as { readonly reservations?: unknown };
  const list = Array.isArray(reservations) && Object.keys(others).length === 0;
  if (list && reservations.length > MOST) {
    const text = `${path}: it has ${reservations.length} reservations, and ${MOST} are the most`;
    throw new StatusError("INVALID_ARGUMENT", `${text}: one may be of many devices ('gpu3/*')`);
  }
  if (list && reservations.every((each) => typeof each === "object" && each !== null)) {
    return reservations;
  }
  throw new StatusError("INVALID_ARGUMENT", `${path}: expected 'reservations:' and a list of them`);
}

async function parsed(path: string): Promise<unknown> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_BYTES)
      throw new Error(`it has ${size} bytes, and ${LARGEST_BYTES} are the most`);
    return await yamlValueOf(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StatusError("INVALID_ARGUMENT", `${path}: ${reason}`, { cause });
  }
}
