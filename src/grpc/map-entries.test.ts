import descriptor from "protobufjs/ext/descriptor.js";
import { expect, it } from "vitest";
import { withProtocMapEntries } from "./map-entries.ts";
import { loadInferenceDefinition } from "./rpc/definition.ts";

interface Message {
  readonly name: string;
  readonly field: readonly { readonly name: string; readonly typeName: string }[];
  readonly nestedType: readonly (Message & { readonly options?: { readonly mapEntry: boolean } })[];
}

function messagesOf(name: string): readonly Message[] {
  const entry = withProtocMapEntries(loadInferenceDefinition().package)[name];
  if (!Array.isArray(entry?.fileDescriptorProtos)) throw new Error(`${name} has no descriptor`);
  return entry.fileDescriptorProtos.flatMap((bytes) => {
    const file = descriptor.FileDescriptorProto.decode(bytes);
    return (file as unknown as { readonly messageType: readonly Message[] }).messageType;
  });
}

it("entry types of maps have protoc's names, and their fields refer to them", () => {
  const config = messagesOf("inference.ModelConfig").find(({ name }) => name === "ModelConfig");
  const field = config?.field.find(({ name }) => name === "cc_model_filenames");
  expect(field?.typeName.endsWith("CcModelFilenamesEntry")).toBe(true);
  const entries = config?.nestedType.filter(({ options }) => options?.mapEntry) ?? [];
  expect(entries.map(({ name }) => name).toSorted()).toEqual([
    "CcModelFilenamesEntry",
    "MetricTagsEntry",
    "ParametersEntry",
  ]);
});
