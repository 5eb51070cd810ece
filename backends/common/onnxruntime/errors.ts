/** What ONNX Runtime's messages mean to the gateway. onnxruntime-node hands on texts only, no codes. */
import { BackendError, type BackendFault } from "../../contract.ts";

const INPUT = /Got invalid dimensions for input|Invalid rank for input|Unexpected input data type/;
const EXHAUSTED = /Failed to allocate memory|bad_alloc|out of memory/i;
/** What a GPU says that is lost, or whose context in this process is. */
const DEVICE =
  /CUDA (?:runtime )?(?:failure|error)|CU(?:BLAS|DNN) failure|device (?:was |is )?lost/i;

/** The reason stays as ONNX Runtime gave it; `otherwise` is the fault where the text tells nothing. */
export function asBackendError(otherwise: BackendFault, cause: unknown): BackendError {
  const message = cause instanceof Error ? cause.message : String(cause);
  let fault = otherwise;
  if (EXHAUSTED.test(message)) fault = "exhausted";
  else if (INPUT.test(message)) fault = "input";
  else if (DEVICE.test(message)) fault = "device";
  return new BackendError(fault, message, { cause });
}

/** True where an output came out in another shape than the file promised. */
export function isShapeSurprise(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    /shape verification failed|computed output shape for this run/i.test(cause.message)
  );
}
