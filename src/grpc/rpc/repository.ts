/** RepositoryIndex, RepositoryModelLoad, RepositoryModelUnload. */
import { StatusError } from "../../errors.ts";
import type { Caller } from "../../inference/caller.ts";
import type { ClientConnection } from "../../inference/shared-regions.ts";
import type { ControlParameter, ControlParameters } from "../../registry/control.ts";
import { unknownModel } from "../../registry/model-record.ts";
import type { IndexEntry } from "../../registry/types.ts";
import { mayUse } from "../../tenants/may-use.ts";
import { type Implementation, unary } from "./unary.ts";

export interface RepositoryAccess {
  /** As far as it is for this caller. @throws StatusError where it may not begin to ask for inference now */
  index(caller: Caller | undefined, connection: ClientConnection | undefined): Iterable<IndexEntry>;
  /** @throws StatusError also where clients may load nothing */
  load(model: string, parameters: ControlParameters): Promise<void>;
  unload(model: string, parameters: ControlParameters): Promise<void>;
}

/** `ModelRepositoryParameter` as proto-loader shows it: one of these, or none. */
interface WireParameter {
  readonly bool_param?: boolean;
  readonly int64_param?: string;
  readonly string_param?: string;
  readonly bytes_param?: Uint8Array;
}

interface ControlRequest {
  readonly repository_name: string;
  readonly model_name: string;
  readonly parameters: { readonly [name: string]: WireParameter };
}

interface IndexRequest {
  readonly repository_name: string;
  readonly ready: boolean;
}

export function repositoryHandlers({ index, load, unload }: RepositoryAccess): Implementation {
  const control = (act: RepositoryAccess["load"]) =>
    unary(async (request: ControlRequest, _connection, caller) => {
      const { repository_name, model_name, parameters } = request;
      refuseRepositoryName(repository_name);
      if (!mayUse(caller, model_name)) throw unknownModel(model_name);
      await act(model_name, readParameters(parameters));
      return {};
    });
  return {
    RepositoryIndex: unary((request: IndexRequest, connection, caller) => {
      refuseRepositoryName(request.repository_name);
      const entries = [...index(caller, connection)].filter(({ name }) => mayUse(caller, name));
      return { models: request.ready ? entries.filter((e) => e.state === "READY") : entries };
    }),
    RepositoryModelLoad: control(load),
    RepositoryModelUnload: control(unload),
  };
}

function readParameters(parameters: ControlRequest["parameters"]): ControlParameters {
  return new Map(Object.entries(parameters).map(([name, wire]) => [name, readParameter(wire)]));
}

function readParameter(wire: WireParameter): ControlParameter {
  if (wire.bool_param !== undefined) return { type: "bool", value: wire.bool_param };
  if (wire.int64_param !== undefined) return { type: "int64", value: wire.int64_param };
  if (wire.string_param !== undefined) return { type: "string", value: wire.string_param };
  if (wire.bytes_param !== undefined) return { type: "bytes", value: wire.bytes_param };
  return { type: "unset" };
}

function refuseRepositoryName(name: string): void {
  if (name === "") return;
  throw new StatusError("UNIMPLEMENTED", "'repository_name' specification is not supported");
}
