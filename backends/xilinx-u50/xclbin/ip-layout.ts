/** IP_LAYOUT: what sits in the fabric, the compute units of the kernels among it. */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { entryOffsets } from "./counted-entries.ts";

/** `IP_KERNEL` of `enum IP_TYPE`. */
const KERNEL = 1;
const NO_ADDRESS = "0xffffffffffffffff";

export interface IpBlock {
  readonly isKernel: boolean;
  /** `kernel:compute_unit` for a compute unit. */
  readonly name: string;
  /** Of its registers; absent where it has none. */
  readonly baseAddress?: string;
}

/** In the order that CONNECTIVITY counts them. */
export function readIpLayout(view: ByteView): IpBlock[] {
  const layout = { headBytes: 8, entryBytes: 80 };
  return entryOffsets(view, view.i32(0), layout).map((at) => {
    const baseAddress = view.address64(at + 8);
    return {
      isKernel: view.u32(at) === KERNEL,
      name: view.fixedText(at + 16, 64),
      ...(baseAddress === NO_ADDRESS ? {} : { baseAddress }),
    };
  });
}

/** `["jet_tagger", "jet_tagger_1"]` of `jet_tagger:jet_tagger_1`. */
export function kernelAndUnit(name: string): readonly [kernel: string, unit: string] {
  const colon = name.indexOf(":");
  return colon === -1 ? [name, name] : [name.slice(0, colon), name.slice(colon + 1)];
}
