/** CONNECTIVITY: which argument of which compute unit is wired to which memory bank. */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { entryOffsets } from "./counted-entries.ts";

export interface Connection {
  readonly argument: number;
  /** Index in IP_LAYOUT. */
  readonly ip: number;
  /** Index in MEM_TOPOLOGY. */
  readonly bank: number;
}

/**
 * @param ips entries of IP_LAYOUT
 * @param banks entries of MEM_TOPOLOGY
 * @throws BackendError `artifact` where an index leads nowhere
 */
export function readConnectivity(view: ByteView, ips: number, banks: number): Connection[] {
  const layout = { headBytes: 4, entryBytes: 12 };
  return entryOffsets(view, view.i32(0), layout).map((at, index) => {
    const argument = view.i32(at);
    const ip = view.i32(at + 4);
    const bank = view.i32(at + 8);
    const where = `entry ${index}`;
    if (argument < 0)
      throw view.place.part(where).refusal(`argument ${argument}, expected 0 or more`);
    checkIndex(view, where, "IP_LAYOUT", ip, ips);
    checkIndex(view, where, "MEM_TOPOLOGY", bank, banks);
    return { argument, ip, bank };
  });
}

function checkIndex(view: ByteView, where: string, list: string, index: number, count: number) {
  if (index >= 0 && index < count) return;
  throw view.place
    .part(where)
    .refusal(`entry ${index} of ${list}, expected one of the ${count} that it has`);
}
