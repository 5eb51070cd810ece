/** Any server that speaks KServe v2 over gRPC (Triton, OpenVINO Model Server, another beamgate) as a pool of devices. */
import { BackendError, type BackendModule } from "../contract.ts";
import { FORMAT, readRemoteFile } from "./artifact.ts";

export const remote: BackendModule = {
  kind: "remote",
  platforms: ["remote"],
  perDevice: true,
  formats: { [FORMAT]: "remote.json" },
  artifactOptional: true,

  async inspect({ format, path }) {
    if (format !== FORMAT) {
      const got = `got format "${format}"`;
      throw new BackendError("artifact", `remote takes remote.json or nothing; ${got}`);
    }
    return { platform: "any", details: { ...(await readRemoteFile(path)) } };
  },

  // The HTTP/2 client is for workers of this backend only.
  async create(options) {
    const { RemoteBackend } = await import("./remote-backend.ts");
    return new RemoteBackend(options);
  },
};
