/**
 * Descriptors as protoc writes them. proto-loader names the entry type of a map
 * after its field (`Cc_model_filenames`); clients such as grpcurl insist on
 * protoc's name (`CcModelFilenamesEntry`) and refuse the file otherwise.
 */
import type { PackageDefinition } from "@grpc/proto-loader";
import descriptor from "protobufjs/ext/descriptor.js";

interface Field {
  readonly name: string;
  typeName?: string;
}

interface MessageType {
  name: string;
  readonly field?: readonly Field[];
  readonly nestedType?: readonly MessageType[];
  readonly options?: { readonly mapEntry?: boolean };
}

interface FileDescriptor {
  readonly messageType?: readonly MessageType[];
}

const { FileDescriptorProto } = descriptor;

/** The same definitions, with the entry types of maps named by protoc's rule. */
export function withProtocMapEntries(definition: PackageDefinition): PackageDefinition {
  const renamed = new Map<Buffer, Buffer>();
  const rename = (file: Buffer): Buffer => {
    const done = renamed.get(file) ?? renameInFile(file);
    renamed.set(file, done);
    return done;
  };
  return Object.fromEntries(
    Object.entries(definition).map(([name, entry]) =>
      "format" in entry && Array.isArray(entry.fileDescriptorProtos)
        ? [name, { ...entry, fileDescriptorProtos: entry.fileDescriptorProtos.map(rename) }]
        : [name, entry],
    ),
  );
}

function renameInFile(bytes: Buffer): Buffer {
  const file = FileDescriptorProto.decode(bytes);
  for (const message of (file as unknown as FileDescriptor).messageType ?? []) renameIn(message);
  return Buffer.from(FileDescriptorProto.encode(file).finish());
}

function renameIn(message: MessageType): void {
  for (const nested of message.nestedType ?? []) {
    renameIn(nested);
    if (nested.options?.mapEntry !== true) continue;
    const field = message.field?.find(
      ({ typeName }) => typeName?.split(".").at(-1) === nested.name,
    );
    if (field === undefined) continue;
    const words = field.name.split("_").filter((word) => word !== "");
    nested.name = `${words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join("")}Entry`;
    field.typeName = field.typeName?.replace(/[^.]*$/, nested.name) ?? nested.name;
  }
}
