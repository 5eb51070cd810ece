/** Keeping a process on some of the CPUs. */
import koffi from "koffi";
import { BackendError } from "../../contract.ts";

/**
 * The calling thread, and every thread it starts from now on, runs on these CPUs only.
 * @throws BackendError `artifact` where the system has none of them, or knows no such call.
 */
export function pinThisProcess(cores: readonly number[]): void {
  if (process.platform !== "linux") {
    throw new BackendError("artifact", "cores: pinning works on Linux only");
  }
  // The kernel takes a bit mask of any length; whole 64-bit words, little-endian on both our architectures.
  const mask = Buffer.alloc(8 * (Math.floor(Math.max(...cores) / 64) + 1));
  for (const core of cores) mask[core >> 3] = (mask[core >> 3] ?? 0) | (1 << (core & 7));
  const setAffinity = koffi
    .load(null)
    .func("int sched_setaffinity(int pid, size_t size, const uint8_t *mask)");
  if (setAffinity(0, mask.length, mask) === 0) return;
  throw new BackendError(
    "artifact",
    `cores ${cores.join(", ")}: this process may run on none of them (errno ${koffi.errno()})`,
  );
}
