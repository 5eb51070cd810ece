/** Inputs that lie in memory shared with the client, made to look like those that came with the request. */
import { StatusError } from "../errors.ts";
import { onePiece } from "./pieces.ts";
import type { Pieces, WireInput } from "./request.ts";
import { sharedMemoryDisabled } from "./shared-memory.ts";
import type { RegionLookup, SharedBytes } from "./shared-regions.ts";

/** Strings of one tensor, bytes: they are held until the request is answered. */
const MAX_STRING_BYTES = 256 * 2 ** 20;

/**
 * @param borrowed gets what the request must hold until it ends
 * @throws StatusError with Triton's text where a region is unknown or too short
 */
export function withSharedBytes(
  inputs: readonly WireInput[],
  regions: RegionLookup | undefined,
  borrowed: SharedBytes[],
): readonly WireInput[] {
  return inputs.map((input) => {
    if (input.shared === undefined) return input;
    if (regions === undefined) throw sharedMemoryDisabled();
    const bytes = regions.find(input.shared);
    if (input.datatype === "BYTES") return { ...input, data: readNow(bytes) };
    borrowed.push(bytes);
    const { byteLength } = bytes.range;
    return { ...input, data: { byteLength, pieces: [], source: bytes } };
  });
}

/** Strings are checked one by one, and must not change behind the check. */
function readNow(bytes: SharedBytes): Pieces {
  const { region, byteLength } = bytes.range;
  if (byteLength > MAX_STRING_BYTES) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `${byteLength} bytes of strings in shared memory region '${region}': expected at most ${MAX_STRING_BYTES} for one input`,
    );
  }
  const copy = Buffer.allocUnsafeSlow(byteLength);
  bytes.copyTo(copy, 0);
  return onePiece(copy);
}
