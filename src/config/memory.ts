/** How much memory this process may use, and the share of it that incoming bodies may take. */
import { totalmem } from "node:os";

const GIB = 2 ** 30;

/** Bytes this process may use: the control group's limit where there is one, else the machine's. */
export function memoryLimitBytes(): number {
  // Without a limit Node answers undefined, 0 or a number near 2^64.
  const constrained = process.constrainedMemory() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/**
 * Default of `grpc.receiveBudgetBytes`. A quarter leaves room for the copy in a
 * slab, the answer and the heap; 4 GiB are two messages of the largest size.
 */
export function defaultReceiveBudgetBytes(limitBytes = memoryLimitBytes()): number {
  return Math.floor(Math.min(limitBytes / 4, 4 * GIB));
}
