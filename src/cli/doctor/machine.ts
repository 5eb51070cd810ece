/** Memory, cores, open files, and the folder where tensors lie. */
import { randomUUID } from "node:crypto";
import { readFile, rm, statfs, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { memoryLimitBytes } from "../../config/memory.ts";
import { type Finding, fail, inGib, ok, warn } from "./finding.ts";

const MIB = 2 ** 20;
/** An idle worker with a small model takes up to 95 MB. */
const WORKER_BYTES = 95 * MIB;
const GATEWAY_BYTES = 200 * MIB;
const ENOUGH_FILES = 4096;
/** Docker's default is 64 MiB: a few large batches, and writes end in SIGBUS. */
const ENOUGH_SLAB_BYTES = 256 * MIB;

export function checkMemory(
  budgetBytes: number,
  maxWorkers: number,
  limitBytes = memoryLimitBytes(),
): Finding {
  const neededBytes = GATEWAY_BYTES + budgetBytes + maxWorkers * WORKER_BYTES;
  const found =
    `${inGib(limitBytes)} may be used; the gateway, ${inGib(budgetBytes)} of bodies and ` +
    `${maxWorkers} idle workers take up to ${inGib(neededBytes)}`;
  if (limitBytes >= neededBytes) return ok("memory", found);
  return warn(
    "memory",
    found,
    "raise the limit, or lower grpc.receiveBudgetBytes and workers.maxCpuWorkers",
  );
}

export async function checkCores(): Promise<Finding> {
  const cores = availableParallelism();
  const quota = await cpuQuota();
  const found = `${cores} cores`;
  if (quota === undefined || quota >= cores) return ok("cores", found);
  return warn(
    "cores",
    `${found}, but the control group allows the time of ${quota.toFixed(1)}`,
    "set workers.maxCpuWorkers to twice what is allowed, or raise the limit",
  );
}

/** Cores' worth of time that cgroup v2 allows; undefined: no limit, or not known. */
async function cpuQuota(): Promise<number | undefined> {
  const text = await readFile("/sys/fs/cgroup/cpu.max", "utf8").catch(() => "max");
  const [quota = 0, period = 0] = text.split(" ").map(Number);
  return quota > 0 && period > 0 ? quota / period : undefined;
}

export async function checkOpenFiles(limits = "/proc/self/limits"): Promise<Finding> {
  const text = await readFile(limits, "utf8").catch(() => "");
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1];
  if (soft === undefined) return ok("open files", "limit not known on this system");
  if (soft === "unlimited" || Number(soft) >= ENOUGH_FILES)
    return ok("open files", `up to ${soft}`);
  return warn(
    "open files",
    `up to ${soft}, and every connection takes one`,
    `raise it: ulimit -n ${ENOUGH_FILES}, LimitNOFILE in systemd, --ulimit nofile in Docker`,
  );
}

export async function checkSlabFolder(folder: string): Promise<Finding> {
  const check = `slabs in ${folder}`;
  const probe = join(folder, `beamgate-doctor-${randomUUID()}`);
  try {
    await writeFile(probe, "beamgate", { flag: "wx", mode: 0o600 });
    const { bavail, blocks, bsize } = await statfs(folder);
    const found = `${inGib(bavail * bsize)} free of ${inGib(blocks * bsize)}`;
    if (bavail * bsize >= ENOUGH_SLAB_BYTES) return ok(check, found);
    return warn(
      check,
      found,
      "large batches may not fit: docker run --shm-size=1g, an emptyDir with medium: Memory in " +
        "Kubernetes, or remove what lies there",
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(check, reason, "mount a tmpfs there, or name another one as workers.slabFolder");
  } finally {
    await rm(probe, { force: true }).catch(() => {}); // where it could not be written either
  }
}
