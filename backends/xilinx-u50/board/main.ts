/**
 * Main file of the emulated board: XRT's software-emulation shim starts it as its device process.
 * Argument: the emulation's private folder.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isLast } from "./calls.ts";
import { Card } from "./card.ts";
import { faultsNow } from "./faults.ts";
import { type Request, RequestReader, replyFrame } from "./frames.ts";
import {
  type BoardSettings,
  boardNumber,
  failureFile,
  settingsFile,
  socketPath,
} from "./settings.ts";

/** XRT listens after it has started us: a few milliseconds later. */
const CONNECT_TRIES = 2000;
const CONNECT_PAUSE_MS = 5;
const DEAD_CARD = fileURLToPath(new URL("./dead-card.js", import.meta.url));

const folder = process.argv[2] ?? ".";
const number = boardNumber(process.env);
const settings = JSON.parse(readFileSync(settingsFile(folder), "utf8")) as BoardSettings;

const card = new Card({
  secondsPerLoad: settings.secondsPerLoad,
  faults: () => faultsNow(settings.faults, settings.faultsFile, number),
  die(how) {
    if (how === "exit") throw new Error("died at a kernel call, as told");
    writeFileSync(failureFile(folder, number), "killed at a kernel call, as told");
    process.kill(process.pid, "SIGKILL");
  },
  log: (message) => process.stderr.write(`emulated U50, board ${number}: ${message}\n`),
});

const reader = new RequestReader();
const socket = await connected(socketPath(process.env));
socket.on("error", () => process.exit(0));
socket.on("close", () => process.exit(0));

async function serve(request: Request): Promise<void> {
  const { api, message } = request;
  const last = isLast(request);
  try {
    const reply = replyFrame(await card.answer(api, message));
    socket.write(reply, () => {
      if (last) process.exit(0);
    });
  } catch (cause) {
    end(api, (cause as Error).message);
  }
}

/**
 * The card is gone, as from a bus. XRT does not notice that and would wait for an answer for
 * ever, so its socket goes to a program that says no to everything.
 */
function end(pendingApi: number, reason: string): void {
  writeFileSync(failureFile(folder, number), reason);
  process.stderr.write(`emulated U50, board ${number}: ends: ${reason}\n`);
  spawn(process.execPath, [DEAD_CARD, String(pendingApi)], { stdio: [socket, "ignore", "ignore"] });
  process.exit(1);
}

async function connected(path: string): Promise<Socket> {
  for (let tries = 1; ; tries++) {
    try {
      return await once(path);
    } catch (cause) {
      if (tries >= CONNECT_TRIES) throw cause;
      await sleep(CONNECT_PAUSE_MS);
    }
  }
}

/** Reads into the reader's memory: no buffer comes and goes per piece. */
function once(path: string): Promise<Socket> {
  const onread = {
    buffer: () => reader.room,
    callback(byteLength: number) {
      const request = reader.took(byteLength);
      if (request !== undefined) void serve(request);
      return true;
    },
  };
  return new Promise((resolve, reject) => {
    const attempt = connect({ path, onread }, () => {
      attempt.off("error", reject);
      resolve(attempt);
    });
    attempt.once("error", reject);
  });
}
