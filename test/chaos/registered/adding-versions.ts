/** Versions of a model that each add another number: every answer tells which version computed it. */
import { addingGraph } from "../../support/fake-catalog.ts";
import { digestOf, type RegistryClient } from "./registry-client.ts";

/** Bytes, digest and registration of `y = x + added`. */
export interface AddingVersion {
  readonly version: string;
  readonly added: number;
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/** @param padding so many bytes more, for files whose upload takes a while */
export function addingVersion(version: string, added: number, padding = 0): AddingVersion {
  const bytes = addingGraph(added, `adding${" ".repeat(padding)}`);
  return { version, added, bytes, digest: digestOf(bytes) };
}

/** As the body of a registration says it. @param queuedUs requests lie in the queue for so long */
export function registrationOf({ digest }: AddingVersion, queuedUs = 0): object {
  return {
    vendor: "cpu",
    artifact: digest,
    file: "model.onnx",
    config: configText(queuedUs),
    equivalence: { class: { kind: "bit-exact" } },
  };
}

/** `config.pbtxt` of `addingGraph`. */
function configText(queuedUs: number): string {
  const tensor = (name: string) => `[{ name: "${name}" data_type: TYPE_FP32 dims: [2] }]`;
  return [
    'backend: "onnxruntime"',
    "max_batch_size: 64",
    `input ${tensor("x")}`,
    `output ${tensor("y")}`,
    "instance_group [{ kind: KIND_CPU count: 1 }]",
    `dynamic_batching { preferred_batch_size: [32] max_queue_delay_microseconds: ${queuedUs} }`,
  ].join("\n");
}

/** From bytes to an artifact that serves. */
export async function uploadAndRegister(
  registry: RegistryClient,
  model: string,
  version: AddingVersion,
  more: { readonly queuedUs?: number; readonly pieces?: number; readonly who?: string } = {},
) {
  await registry.upload(version.bytes, more.pieces);
  const body = registrationOf(version, more.queuedUs);
  const who = more.who === undefined ? {} : { who: more.who };
  return registry.register(model, version.version, { ...body, ...who });
}
