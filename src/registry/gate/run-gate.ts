/**
 * The numeric-equivalence gate: every golden row is executed twice, in batches of different sizes and
 * so at different places, and some of them alone, in small batches, in the largest one. All of it must
 * be what the declared class allows; what is not even once fails the artifact.
 */
import type { Verdict } from "../catalog/types.ts";
import { GoldenPair } from "../golden/golden-files.ts";
import { ArtifactFailed, blaming } from "./blame.ts";
import type { GateExecutor } from "./executor.ts";
import { type GateTrial, Trial } from "./trial.ts";

const NO_DEVICE = { id: "none", vendor: "none", platform: "none", emulated: false };

/**
 * What the artifact is to blame for is in the verdict.
 * @throws where nothing can be said of it: the golden files cannot be read, `signal` ended it, or no device was free or
 *   well (StatusError UNAVAILABLE, RESOURCE_EXHAUSTED; BackendError `device`, `exhausted`)
 */
export async function runGate(trial: GateTrial): Promise<Verdict> {
  const { signature, equivalence, identity, signal, now, date } = trial;
  const start = now();
  const golden = await GoldenPair.open(signature, trial.golden);
  const begun = {
    verdict: 1 as const,
    model: signature.name,
    version: signature.version,
    ...identity,
    equivalence,
    rows: golden.rows,
  };
  const finish = (rest: Omit<Verdict, keyof typeof begun | "at" | "tookMs">): Verdict => {
    return { ...begun, ...rest, at: date(), tookMs: Math.round(now() - start) };
  };
  const failed = (failedCheck: string, reason: string, device: Verdict["device"]) =>
    finish({
      device,
      passed: false,
      failedCheck,
      reason,
      outputs: [],
      batchInvariance: { invariant: false, cases: [] },
    });
  let executor: GateExecutor | undefined;
  try {
    executor = await blaming(() => trial.executor(signal), signal);
    return finish(await new Trial(trial, golden, executor).run());
  } catch (cause) {
    if (!(cause instanceof ArtifactFailed)) throw cause;
    return executor === undefined
      ? failed("load", cause.message, NO_DEVICE)
      : failed("execution", cause.message, executor.device);
  } finally {
    golden.close();
    await executor?.close();
  }
}
