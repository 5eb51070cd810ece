/** CPU time and memory of processes, as Linux counts them. */
import { readFileSync } from "node:fs";
import { childrenOf } from "./process-tree.ts";

/** `USER_HZ`: the unit of /proc/<pid>/stat, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time so far, of all threads, seconds (resolution 10 ms); 0 for a process that is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from field 3, `state`
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Of all cores together since the system started, seconds. */
export interface MachineTimes {
  readonly idle: number;
  /** Taken by the hypervisor for others. */
  readonly stolen: number;
  readonly busy: number;
}

/** @param stat what /proc/stat says */
export function machineTimes(stat: string = readFileSync("/proc/stat", "utf8")): MachineTimes {
  const [line = ""] = stat.split("\n", 1);
  // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user and nice
  const seconds = line
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  const [user = 0, nice = 0, system = 0, idle = 0, waits = 0, irq = 0, softirq = 0, stolen = 0] =
    seconds;
  return { idle: idle + waits, stolen, busy: user + nice + system + irq + softirq };
}

/** Resident bytes now (shared memory counts); 0 for a process that is gone. */
export const residentBytes = (pid: number) => statusBytes(pid, "VmRSS");

/** Of them, those that are neither a file's nor shared memory. */
export const anonymousBytes = (pid: number) => statusBytes(pid, "RssAnon");

function statusBytes(pid: number, key: "VmRSS" | "RssAnon"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Every process below `pid`, parents before children. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}
