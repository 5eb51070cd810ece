/** The DPU that a graph was compiled for. */
import type { Place } from "../../common/artifact-file/place.ts";
import type { XirGraph } from "./xir-graph.ts";

const COMPILE = "compile the quantised model with vai_c and the arch.json of the board's DPU";

export interface Dpu {
  /** `DPUv3e B4096`, `DPUCAHX8H_ISA2`, ...; the fingerprint where the file has no name. */
  readonly name: string;
  /** `0x40000`; code runs on the DPU with the same fingerprint and on no other. */
  readonly fingerprint: string;
}

/** @throws BackendError `artifact` where no part, or parts for different DPUs, would run on the card */
export function dpuOf(place: Place, { subgraphs }: XirGraph): Dpu {
  let found: Dpu | undefined;
  for (const { name: subgraph, attributes } of subgraphs) {
    if (attributes.get("device") !== "DPU") continue;
    const fingerprint = attributes.get("dpu_fingerprint");
    if (typeof fingerprint !== "bigint") {
      throw place.refusal(`subgraph '${subgraph}' has no dpu_fingerprint`, COMPILE);
    }
    const hex = `0x${BigInt.asUintN(64, fingerprint).toString(16)}`;
    const given = attributes.get("dpu_name");
    const dpu = { name: typeof given === "string" && given !== "" ? given : hex, fingerprint: hex };
    if (found !== undefined && found.fingerprint !== hex) {
      throw place.refusal(
        `subgraph '${subgraph}' is for the DPU ${hex}, expected ${found.fingerprint} as before`,
        COMPILE,
      );
    }
    found ??= dpu;
  }
  if (found === undefined) {
    throw place.refusal("no subgraph for device DPU: nothing of it would run on the card", COMPILE);
  }
  return found;
}
