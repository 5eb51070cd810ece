/**
 * Starts a process without a copy of this one. Node forks: with a gateway's memory that holds up its event loop for
 * ten milliseconds and more, and after it every page that is written to costs a fault. `posix_spawn` lends the child
 * this process' memory until it has become the other program, which takes half a millisecond whatever there is of it.
 */
import { Socket } from "node:net";
import { constants } from "node:os";
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";
import { systemError } from "./libc.ts";

/** Ends of children are told by a signal, which only the main thread hears of. */
export const posixSpawnSupported = process.platform === "linux" && isMainThread;

const AF_UNIX = 1;
const SOCK_STREAM = 1;
/** For `pipe2` and, by the same number, `socketpair`: no other child gets them. */
const CLOEXEC = 0o2000000;
const O_RDONLY = 0;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const WNOHANG = 1;
/** More than any libc's `posix_spawnattr_t`, `posix_spawn_file_actions_t` or `sigset_t` has. */
const STRUCT_BYTES = 1024;

type Calls = ReturnType<typeof lookUp>;
let found: Calls | undefined;

function calls(): Calls {
  found ??= lookUp();
  return found;
}

function lookUp() {
  const lib = koffi.load(null);
  return {
    pipe2: lib.func("int pipe2(void *, int)"),
    socketpair: lib.func("int socketpair(int, int, int, void *)"),
    close: lib.func("int close(int)"),
    actionsInit: lib.func("int posix_spawn_file_actions_init(void *)"),
    actionsOpen: lib.func(
      "int posix_spawn_file_actions_addopen(void *, int, const char *, int, unsigned int)",
    ),
    actionsDup2: lib.func("int posix_spawn_file_actions_adddup2(void *, int, int)"),
    actionsDestroy: lib.func("int posix_spawn_file_actions_destroy(void *)"),
    attributesInit: lib.func("int posix_spawnattr_init(void *)"),
    setFlags: lib.func("int posix_spawnattr_setflags(void *, short)"),
    setMask: lib.func("int posix_spawnattr_setsigmask(void *, void *)"),
    attributesDestroy: lib.func("int posix_spawnattr_destroy(void *)"),
    spawn: lib.func(
      "int posix_spawn(void *, const char *, void *, void *, const char **, const char **)",
    ),
    waitpid: lib.func("int waitpid(int, void *, int)"),
  };
}

export interface Spawned {
  readonly pid: number;
  /** What it writes to its standard streams. */
  readonly outputs: readonly Socket[];
  /** One end of a socket pair; the other is its file descriptor 3. */
  readonly channel: Socket;
  readonly exit: Promise<Exit>;
}

/** How it ended: with a code, or by a signal's name. */
export type Exit = { readonly code: number } | { readonly signal: string };

/**
 * In a session, and so in a process group, of its own; without standard input.
 * @param file where the program lies. @param environment all that it gets
 * @throws where there are no descriptors or the system refuses, with `code`; nothing is left of it
 */
export function posixSpawn(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Spawned {
  const { close, pipe2, socketpair } = calls();
  const ours: number[] = [];
  const theirs: number[] = [];
  const open = (call: string, make: (ends: Buffer) => number) => {
    const ends = Buffer.alloc(8);
    if (make(ends) !== 0) throw systemError(call);
    ours.push(ends.readInt32LE(0));
    theirs.push(ends.readInt32LE(4));
  };
  let started: ReturnType<typeof start>;
  try {
    open("pipe2", (ends) => pipe2(ends, CLOEXEC));
    open("pipe2", (ends) => pipe2(ends, CLOEXEC));
    open("socketpair", (ends) => socketpair(AF_UNIX, SOCK_STREAM + CLOEXEC, 0, ends));
    started = start(file, args, environment, theirs);
  } catch (thrown) {
    for (const fd of ours) close(fd);
    throw thrown;
  } finally {
    for (const fd of theirs) close(fd);
  }
  const [output = -1, error = -1, channel = -1] = ours;
  return {
    ...started,
    outputs: [output, error].map((fd) => new Socket({ fd, readable: true, writable: false })),
    channel: new Socket({ fd: channel, readable: true, writable: true }),
  };
}

/** @param descriptors what become its descriptors 1, 2 and so on */
function start(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  descriptors: readonly number[],
): Pick<Spawned, "pid" | "exit"> {
  const libc = calls();
  const [actions, attributes] = [Buffer.alloc(STRUCT_BYTES), Buffer.alloc(STRUCT_BYTES)];
  const pid = Buffer.alloc(4);
  const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  libc.actionsInit(actions);
  libc.attributesInit(attributes);
  // Before it is there: its end may be told before the next line.
  listen();
  try {
    libc.actionsOpen(actions, 0, "/dev/null", O_RDONLY, 0);
    for (const [at, fd] of descriptors.entries()) libc.actionsDup2(actions, fd, at + 1);
    libc.setMask(attributes, Buffer.alloc(STRUCT_BYTES));
    libc.setFlags(attributes, SETSIGMASK + SETSID);
    const argv = [file, ...args, null];
    const error = libc.spawn(pid, file, actions, attributes, argv, [...words, null]);
    if (error !== 0) throw systemError("posix_spawn", error);
  } catch (thrown) {
    listenNoMore();
    throw thrown;
  } finally {
    libc.attributesDestroy(attributes);
    libc.actionsDestroy(actions);
  }
  const id = pid.readInt32LE(0);
  return { pid: id, exit: new Promise((resolve) => children.set(id, resolve)) };
}

/** By process id, those whose end nobody was told of yet. */
const children = new Map<number, (exit: Exit) => void>();

/** A signal does not keep a process alive that has nothing to do but wait for a child's end; this does. */
const LOOK_EVERY_MS = 1_000;
let looking: NodeJS.Timeout | undefined;

function listen(): void {
  if (looking !== undefined) return;
  process.on("SIGCHLD", look);
  looking = setInterval(look, LOOK_EVERY_MS);
}

function listenNoMore(): void {
  if (children.size > 0) return;
  process.off("SIGCHLD", look);
  clearInterval(looking);
  looking = undefined;
}

/** One signal may stand for several ends, and for those of processes that are not ours. */
function look(): void {
  const status = Buffer.alloc(4);
  for (const [pid, resolve] of children) {
    const ended = calls().waitpid(pid, status, WNOHANG);
    if (ended === 0) continue;
    children.delete(pid);
    // Somebody else has taken its status: it has ended all the same.
    resolve(ended === pid ? exitOf(status.readInt32LE(0)) : { code: -1 });
  }
  listenNoMore();
}

/** As `<sys/wait.h>` reads it. */
function exitOf(status: number): Exit {
  const signal = status & 0x7f;
  if (signal === 0) return { code: (status >> 8) & 0xff };
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  return { signal: name ?? `signal ${signal}` };
}
