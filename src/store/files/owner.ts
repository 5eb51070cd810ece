/** Which process holds something, so that others can tell whether it still lives. */
import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { Owner } from "../owner.ts";

export type { Owner };

/** How long someone on another machine may be silent before it counts as dead. */
export const SILENCE_MS = 60_000;
/** How often a holder gives a sign of life. */
export const SIGN_OF_LIFE_MS = 10_000;

/** This process, with a new token. */
export function newOwner(): Owner {
  return {
    pid: process.pid,
    started: startOf(process.pid) ?? "",
    place: thisPlace(),
    host: hostname(),
    token: randomBytes(8).toString("hex"),
  };
}

/** @param silentMs since its last sign of life; counts only for owners on other machines */
export function lives(owner: Owner, silentMs: number): boolean {
  if (owner.place !== thisPlace()) return silentMs < SILENCE_MS;
  const started = startOf(owner.pid);
  return started !== undefined && started === owner.started;
}

export function isOwner(value: unknown): value is Owner {
  if (typeof value !== "object" || value === null) return false;
  const { pid, started, place, host, token } = value as Record<string, unknown>;
  return (
    typeof pid === "number" && [started, place, host, token].every((one) => typeof one === "string")
  );
}

function thisPlace(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

/** Field 22 of /proc/<pid>/stat; undefined: there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the command in brackets and may hold anything.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? undefined : rest[18];
  } catch {
    return undefined;
  }
}
