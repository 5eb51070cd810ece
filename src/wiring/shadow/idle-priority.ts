/** Lets a process run only where nobody else wants the core. */
import { readdirSync } from "node:fs";
import { constants, setPriority } from "node:os";

/** Priorities are of threads on Linux; those that are started later inherit it. @returns false: it could not be done */
export function giveWay(pid: number): boolean {
  try {
    for (const thread of threadsOf(pid)) setPriority(thread, constants.priority.PRIORITY_LOW);
    return true;
  } catch {
    return false;
  }
}

function threadsOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [pid]; // not Linux
  }
}
