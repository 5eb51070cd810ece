/** What an operator may say about the GPUs: `backends: [{ kind: gpu, options }]`. */
import { z } from "zod";
import { BackendError } from "../contract.ts";

const schema = z.strictObject({
  /** Of ONNX Runtime. `cuda` wants libraries that the npm package has not; `webgpu` is in it. */
  provider: z.enum(["cuda", "webgpu"]).default("cuda"),
  /** Ids of the devices to use; absent: all. */
  devices: z
    .array(z.string().regex(/^(gpu:GPU|mig:MIG)-/, "expected gpu:GPU-<uuid> or mig:MIG-<uuid>"))
    .min(1)
    .optional(),
  /** The tool that lists them; default: the one on the PATH. */
  nvidiaSmi: z.string().min(1).default("nvidia-smi"),
});

export type GpuOptions = z.output<typeof schema>;
export type Provider = GpuOptions["provider"];

/** @throws BackendError naming the key and what was expected there */
export function readOptions(given: unknown): GpuOptions {
  const read = schema.safeParse(given ?? {});
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const key = ["options", ...(issue?.path ?? [])].join(".");
  throw new BackendError("internal", `gpu: ${key}: ${issue?.message ?? "cannot be read"}`);
}
