/** The operator's calendar: `reservations:` and a list, each as `policy/reservation/read-reservation.ts` reads it. */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { StatusError } from "../errors.ts";

/** @throws StatusError INVALID_ARGUMENT naming the file */
export async function readReservationsFile(path: string | undefined): Promise<readonly object[]> {
  if (path === undefined) return [];
  const read = await parsed(path);
  const { reservations, ...others } = Object(read) as { readonly reservations?: unknown };
  const list = Array.isArray(reservations) && Object.keys(others).length === 0;
  if (list && reservations.every((each) => typeof each === "object" && each !== null)) {
    return reservations;
  }
  throw new StatusError("INVALID_ARGUMENT", `${path}: expected 'reservations:' and a list of them`);
}

async function parsed(path: string): Promise<unknown> {
  try {
    return parse(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StatusError("INVALID_ARGUMENT", `${path}: ${reason}`, { cause });
  }
}
