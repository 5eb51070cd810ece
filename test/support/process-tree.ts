/** What Linux tells of processes, for tests that kill some and must find the others gone. */
import { readdirSync, readFileSync } from "node:fs";

/** Children of `pid`, whichever of its threads forked them. */
export function childrenOf(pid: number): number[] {
  const children: number[] = [];
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const list = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
      children.push(...list.split(" ").filter(Boolean).map(Number));
    }
  } catch {
    // the process ended while it was read: no children
  }
  return children;
}

/** What it was started with; empty for one that is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** False for zombies too: a zombie holds neither memory nor a device. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false;
  }
}

/** Ticks since boot at which `pid` started: with the pid, the identity of a process. */
export function startTicks(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return 0;
  }
}

/** Files under /dev/shm that `pid` has mapped now. */
export function sharedMemoryOf(pid: number): string[] {
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
    return [...new Set(maps.match(/\/dev\/shm\/\S+/g) ?? [])];
  } catch {
    return [];
  }
}

/** Highest resident set so far, bytes; 0 for a process that is gone. */
export function peakResidentBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Waits until `claim` holds. @returns the ms that took, or undefined after `limitMs`. */
export async function eventually(
  claim: () => boolean | Promise<boolean>,
  limitMs: number,
  stepMs = 10,
) {
  const begin = performance.now();
  while (performance.now() - begin < limitMs) {
    if (await claim()) return performance.now() - begin;
    await new Promise((resolve) => setTimeout(resolve, stepMs));
  }
  return (await claim()) ? performance.now() - begin : undefined;
}
