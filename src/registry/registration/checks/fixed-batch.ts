import { type Check, failed, passed, skipped } from "../check.ts";
import { configurationOrReason } from "../configuration.ts";

/** A batch size that was burnt in is one that the gateway will send. */
export const fixedBatchCheck: Check = {
  name: "fixed-batch",
  needs: ["container", "manifest", "vendor"],
  run(context) {
    const { facts, manifest } = context.found;
    const rowsPerCall = manifest?.kernel?.rowsPerCall;
    if (rowsPerCall !== undefined) {
      return passed(
        `${rowsPerCall} rows a call; shorter batches are padded, longer ones take several calls`,
      );
    }
    const fixed = facts?.fixedBatchSize;
    if (fixed === undefined) return passed("none is burnt in");
    const settled = configurationOrReason(context);
    if (typeof settled === "string") return skipped(settled);
    const most = settled.signature?.maxBatchSize;
    if (most === undefined)
      return skipped(`${fixed} rows are burnt in; there is no configuration to compare with`);
    if (most === 0)
      return passed(
        `${fixed} rows are burnt in, and the gateway joins no requests (max_batch_size: 0)`,
      );
    if (most === 1 && fixed === 1)
      return passed("1 row is burnt in, and the gateway sends 1 (max_batch_size: 1)");
    return failed(
      `${fixed} rows are burnt in, the gateway sends 1 to ${most} (max_batch_size: ${most})`,
      "export it with a free batch axis (dynamic_axes in PyTorch), or register a version with max_batch_size: 0",
    );
  },
};
