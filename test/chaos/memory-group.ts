/** A memory cgroup with a hard limit, for one process: cgroup v1 or v2, as root. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface MemoryGroup {
  /** Starts the program behind it inside the group: everything it allocates counts from its first byte. */
  readonly launcher: readonly string[];
  /** Takes a process out, into the group of this test. */
  release(pid: number): void;
  /** Processes that are in it now. */
  members(): number[];
  oomKills(): number;
  peakBytes(): number;
  /** After the last process in it ended. */
  remove(): void;
}

const V1 = "/sys/fs/cgroup/memory";
const V2 = "/sys/fs/cgroup";

/** @returns the reason as a string where such a group cannot be made. */
export function memoryGroup(limitBytes: number): MemoryGroup | string {
  try {
    return existsSync(join(V1, "memory.limit_in_bytes"))
      ? firstVersion(limitBytes)
      : secondVersion(limitBytes);
  } catch (thrown) {
    return `no memory cgroup: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

/** The path in /proc/self/cgroup whose controller list satisfies `match`, as a folder that exists. */
function ownGroup(mount: string, match: (controllers: string) => boolean): string {
  for (const line of readFileSync("/proc/self/cgroup", "utf8").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined || !match(controllers)) continue;
    const folder = join(mount, path);
    if (existsSync(join(folder, "cgroup.procs"))) return folder;
  }
  return mount;
}

function firstVersion(limitBytes: number): MemoryGroup {
  const folder = join(V1, `beamgate-chaos-${process.pid}`);
  mkdirSync(folder);
  writeFileSync(join(folder, "memory.limit_in_bytes"), String(limitBytes));
  const home = ownGroup(V1, (controllers) => controllers.split(",").includes("memory"));
  return group(folder, home, {
    oomKills: () => counter(join(folder, "memory.oom_control"), "oom_kill"),
    peakBytes: () => Number(readFileSync(join(folder, "memory.max_usage_in_bytes"), "utf8")),
  });
}

function secondVersion(limitBytes: number): MemoryGroup {
  const home = ownGroup(V2, (controllers) => controllers === "");
  const folder = join(V2, `beamgate-chaos-${process.pid}`);
  mkdirSync(folder);
  try {
    writeFileSync(join(folder, "memory.max"), String(limitBytes));
    if (existsSync(join(folder, "memory.swap.max"))) {
      writeFileSync(join(folder, "memory.swap.max"), "0");
    }
  } catch (thrown) {
    rmdirSync(folder);
    throw thrown;
  }
  return group(folder, home, {
    oomKills: () => counter(join(folder, "memory.events"), "oom_kill"),
    peakBytes: () => {
      const peak = join(folder, "memory.peak"); // since Linux 5.19
      return Number(readFileSync(existsSync(peak) ? peak : join(folder, "memory.current"), "utf8"));
    },
  });
}

function group(
  folder: string,
  home: string,
  counters: Pick<MemoryGroup, "oomKills" | "peakBytes">,
): MemoryGroup {
  const enter = `echo $$ > '${join(folder, "cgroup.procs")}' && exec "$@"`;
  return {
    launcher: ["/bin/sh", "-c", enter, "sh"],
    release(pid) {
      try {
        writeFileSync(join(home, "cgroup.procs"), String(pid));
      } catch {
        // it ended in the meantime
      }
    },
    members: () =>
      readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number),
    ...counters,
    remove: () => rmdirSync(folder),
  };
}

function counter(file: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(file, "utf8"))?.[1] ?? 0);
}
