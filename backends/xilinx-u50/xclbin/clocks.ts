/** CLOCK_FREQ_TOPOLOGY: the clocks the image was timed for. */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { entryOffsets } from "./counted-entries.ts";

/** `enum CLOCK_TYPE`. */
const TYPES = ["unused", "data", "kernel", "system"];

export interface Clock {
  readonly name: string;
  readonly type: string;
  readonly mhz: number;
}

export function readClocks(view: ByteView): Clock[] {
  const layout = { headBytes: 2, entryBytes: 136 };
  return entryOffsets(view, view.i16(0), layout).map((at) => {
    const type = view.u8(at + 2);
    return {
      name: view.fixedText(at + 8, 128),
      type: TYPES[type] ?? `type ${type}`,
      mhz: view.u16(at),
    };
  });
}
