/**
 * `.acl.autodiscovery`: what the hardware tells the runtime of itself, as words
 * (version 23, which is forward compatible; the order of the words is that of
 * acl_auto_configure.cpp in Intel's FPGA runtime for OpenCL).
 */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { type AocxArgument, type AocxKernel, isHidden, LOCAL } from "./kernels.ts";
import { Words } from "./words.ts";

/** Before it, parts did not say how long they are: later readers cannot follow. */
const FORWARD_COMPATIBLE = 23;

const BY_VALUE = 0;
const MEMORY_OBJECT = 1;
const PIPE = 8;

export interface AocxMemory {
  readonly name: string;
  readonly banks: number;
  readonly sizeBytes: number;
}

export interface Autodiscovery {
  /** Tells images apart; also in `.acl.rand_hash`. */
  readonly hash: string;
  readonly board: string;
  readonly memories: readonly AocxMemory[];
  readonly kernels: readonly AocxKernel[];
}

/**
 * @returns undefined for a version that only its own runtime can follow
 * @throws BackendError `artifact` where it does not read to its end
 */
export function readAutodiscovery(view: ByteView): Autodiscovery | undefined {
  const words = new Words(view.text(), view.place);
  if (words.number("the version") < FORWARD_COMPATIBLE) return undefined;
  let kernelNames = false;
  const device = words.part("the device", words.number("the length of the device"), () => {
    const hash = words.text("the hash");
    const board = words.text("the board");
    words.number("the byte order");
    const memories = repeat(words.count("memories", 2), () => readMemory(words));
    skipTable(words, "host pipes");
    kernelNames = words.more && words.number("whether arguments have names") !== 0;
    return { hash, board, memories };
  });
  const kernels = repeat(words.count("kernels", 2), () =>
    words.part("a kernel", words.number("the length of a kernel"), () =>
      readKernel(words, kernelNames),
    ),
  );
  return { ...device, kernels };
}

function readMemory(words: Words): AocxMemory {
  return words.part("a memory", words.number("the length of a memory"), () => {
    const name = words.text("the name of a memory");
    words.number("the type of a memory");
    const banks = words.number("the number of banks");
    if (banks > 1) {
      words.number("the address of a memory's configuration");
      words.number("whether banks are interleaved");
    }
    const bankWords = words.number("the length of a bank");
    let begin = Number.POSITIVE_INFINITY;
    let end = 0;
    for (let bank = 0; bank < banks; bank++) {
      words.part("a bank", bankWords, () => {
        begin = Math.min(begin, words.number("the begin of a bank"));
        end = Math.max(end, words.number("the end of a bank"));
      });
    }
    return { name, banks, sizeBytes: Math.max(0, end - begin) };
  });
}

function readKernel(words: Words, named: boolean): AocxKernel {
  const name = words.text("the name of a kernel");
  for (const what of [
    "the address of its registers",
    "the length of its registers",
    "its launch depth",
    "the address of its counters",
    "the length of its counters",
    "whether work-groups may be joined",
    "whether work-items may be joined",
    "its vector lanes",
    "its profiling words",
  ]) {
    words.number(what);
  }
  let index = 0;
  const all = repeat(words.count("arguments", 2), () =>
    words.part("an argument", words.number("the length of an argument"), () =>
      readArgument(words, index++, named),
    ),
  );
  return { name, arguments: all };
}

function readArgument(words: Words, index: number, named: boolean): AocxArgument {
  const addressSpace = words.number("an address space");
  const category = words.number("a category");
  const sizeBytes = words.number("the size of an argument");
  words.number("an alignment");
  repeat(words.count("buffer locations", 1), () => words.text("a buffer location"));
  if (addressSpace === LOCAL) {
    words.number("the number of a local memory");
    words.number("the size of a local memory");
  }
  const qualifier = words.number("a type qualifier");
  if (qualifier === PIPE && words.number("whether the host sees a pipe") !== 0) {
    words.text("the name of a pipe");
  }
  const name = named ? words.text("the name of an argument") : "";
  const type = named ? words.text("the type of an argument") : "";
  return {
    index,
    name,
    kind: kindOf(addressSpace, category, qualifier),
    type: type === "0" ? "" : type,
    sizeBytes,
    hidden: isHidden(name),
  };
}

function kindOf(addressSpace: number, category: number, qualifier: number): AocxArgument["kind"] {
  if (addressSpace === LOCAL || qualifier === PIPE) return "other";
  if (category === BY_VALUE) return "scalar";
  return category === MEMORY_OBJECT ? "buffer" : "other";
}

/** A count, the length of one entry, and the entries. */
function skipTable(words: Words, what: string): void {
  const count = words.number(`the number of ${what}`);
  const length = words.number(`the length of ${what}`);
  if (count > 0) words.part(what, count * length, () => undefined);
}

function repeat<T>(count: number, read: () => T): T[] {
  return Array.from({ length: count }, read);
}
