/**
 * XRT 2.13's software emulation calls `realloc` for a message that outgrows its buffer and drops
 * the pointer it gets (`CpuemShim::alloc_void`; later versions store it), so the first large
 * transfer writes to freed memory. In Debian's build one conditional jump goes past the store:
 * with one byte changed it goes to the store. Only a copy is changed, and only where the code is
 * exactly that; drivers of real cards are another library.
 */
import { readFileSync, writeFileSync } from "node:fs";

/** test rax, rax; jne over the store; mov rdi, [rbx + 0x670] */
const FAULTY = Buffer.from("4885c075e6488bbb70060000", "hex");
const JUMP_DISTANCE = 4;
const TO_THE_STORE = 0xdf;

/** Writes a sound copy of the library. @returns whether anything had to be changed. */
export function mendLibrary(from: string, to: string): boolean {
  const library = readFileSync(from);
  const changed = mend(library);
  writeFileSync(to, library);
  return changed;
}

/** In place. Leaves a library without that code, or with several such places, alone. */
export function mend(library: Buffer): boolean {
  const at = library.indexOf(FAULTY);
  if (at === -1 || library.indexOf(FAULTY, at + 1) !== -1) return false;
  library[at + JUMP_DISTANCE] = TO_THE_STORE;
  return true;
}
