/** The few calls of libc that Node has no words for: shared memory and the parent-death signal. */
import koffi from "koffi";

/** False on systems without these calls; rooms are plain memory there. */
export const sharedMemorySupported = process.platform === "linux";

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 2n ** 64n - 1n;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

type Libc = ReturnType<typeof lookUp>;
let found: Libc | undefined;

/** Looked up at first use, so that importing this file works on any system. */
function libc(): Libc {
  found ??= lookUp();
  return found;
}

function lookUp() {
  const lib = koffi.load(null);
  return {
    mmap: lib.func("void *mmap(void *, size_t, int, int, int, int64_t)"),
    munmap: lib.func("int munmap(void *, size_t)"),
    fallocate: lib.func("int fallocate(int, int, int64_t, int64_t)"),
    prctl: lib.func("int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)"),
  };
}

/** @param errno of calls that return it instead of setting it */
export function systemError(call: string, errno = koffi.errno()): Error {
  const code = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0];
  return Object.assign(new Error(`${call}: ${code ?? `errno ${errno}`}`), { code });
}

/**
 * The first `sizeBytes` of a file as memory shared with whoever maps it too.
 * The mapping ends when the last view of it was collected: a view that somebody
 * kept too long reads wrong bytes instead of killing the process.
 * @throws where the kernel refuses, with `code`.
 */
export function mapShared(fd: number, sizeBytes: number): ArrayBuffer {
  const address: bigint = libc().mmap(null, sizeBytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (address === MAP_FAILED) throw systemError("mmap");
  const memory = koffi.view(address, sizeBytes);
  unmapper.register(memory, { address, sizeBytes });
  return memory;
}

const unmapper = new FinalizationRegistry((mapping: { address: bigint; sizeBytes: number }) => {
  libc().munmap(mapping.address, mapping.sizeBytes);
});

/**
 * Takes memory for bytes `from` … `to` of a file now, lengthening it where needed.
 * Without this, a full /dev/shm would show as SIGBUS at the first write.
 * @throws with `code` ENOSPC or ENOMEM.
 */
export function commitFile(fd: number, from: number, to: number): void {
  if (libc().fallocate(fd, 0, from, to - from) !== 0) throw systemError("fallocate");
}

/** Gives the memory of bytes `from` … `to` back to the system; they read as zeros from now on. */
export function releaseFile(fd: number, from: number, to: number): void {
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (libc().fallocate(fd, mode, from, to - from) !== 0) throw systemError("fallocate");
}

/** From now on the kernel kills this process when the one that started it ends, in whatever way. */
export function dieWithParent(): void {
  if (libc().prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) !== 0) throw systemError("prctl");
}
