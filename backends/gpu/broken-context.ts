/**
 * Faults after which CUDA refuses every further call in the same process. Only a new process helps, so
 * the worker ends itself; the gateway starts another one, which loads its model anew.
 */
import { BackendError, type BackendHost, type ModelInstance } from "../contract.ts";

/** As ONNX Runtime puts them: `CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; ...` */
const FAILURE = /CUDA failure (\d+)/;
/**
 * Those of which CUDA's runtime reference says, at cudaError_t, that the process must be terminated and
 * relaunched; and 214, an uncorrectable ECC error.
 */
const FINAL = new Set([214, 700, 702, 710, 714, 715, 716, 717, 718, 719]);
/** For the answer about the batch to leave first. */
const GRACE_MS = 100;

export function endsWithItsContext(
  instance: ModelInstance,
  host: BackendHost,
  end: () => void = () => process.exit(1),
): ModelInstance {
  const { device } = instance;
  let ending = false;
  return {
    device,
    async execute(execution, signal) {
      try {
        return await instance.execute(execution, signal);
      } catch (thrown) {
        if (!ending && isFinal(thrown)) {
          ending = true;
          host.log("error", "CUDA is broken in this process, which ends", { device: device.id });
          setTimeout(end, GRACE_MS);
        }
        throw thrown;
      }
    },
    unload: () => instance.unload(),
  };
}

function isFinal(thrown: unknown): boolean {
  if (!(thrown instanceof BackendError)) return false;
  return FINAL.has(Number(FAILURE.exec(thrown.message)?.[1]));
}
