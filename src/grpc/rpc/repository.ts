/** RepositoryIndex, RepositoryModelLoad, RepositoryModelUnload. */
import { StatusError } from "../../errors.ts";
import type { IndexEntry } from "../../registry/types.ts";
import { type Implementation, unary } from "./unary.ts";

export interface RepositoryControl {
  load(model: string, parameters: object): Promise<void>;
  unload(model: string, parameters: object): Promise<void>;
}

export interface RepositoryAccess {
  index(): Iterable<IndexEntry>;
  /**
   * `refused`: the repository is polled or fixed, clients load nothing.
   * Absent: explicit control is asked for, and nobody offers it.
   */
  readonly control?: RepositoryControl | "refused";
}

interface ControlRequest {
  readonly repository_name: string;
  readonly model_name: string;
  readonly parameters: object;
}

export function repositoryHandlers({ index, control }: RepositoryAccess): Implementation {
  return {
    RepositoryIndex: unary((request: { repository_name: string; ready: boolean }) => {
      refuseRepositoryName(request.repository_name);
      const entries = [...index()];
      return { models: request.ready ? entries.filter((e) => e.state === "READY") : entries };
    }),
    ...(control === undefined ? {} : controlHandlers(control)),
  };
}

function controlHandlers(control: RepositoryControl | "refused"): Implementation {
  const handler = (act: (control: RepositoryControl, request: ControlRequest) => Promise<void>) =>
    unary(async (request: ControlRequest) => {
      refuseRepositoryName(request.repository_name);
      if (control === "refused") {
        throw new StatusError(
          "UNAVAILABLE",
          "explicit model load / unload is not allowed if polling is enabled",
        );
      }
      await act(control, request);
      return {};
    });
  return {
    RepositoryModelLoad: handler((c, r) => c.load(r.model_name, r.parameters)),
    RepositoryModelUnload: handler((c, r) => c.unload(r.model_name, r.parameters)),
  };
}

function refuseRepositoryName(name: string): void {
  if (name === "") return;
  throw new StatusError("UNIMPLEMENTED", "'repository_name' specification is not supported");
}
