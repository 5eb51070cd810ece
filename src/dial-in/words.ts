/**
 * What the two ends of a dialled connection say to each other: lines of JSON, before its
 * bytes become HTTP/2 or, on the first connection of a worker, for as long as it lives.
 *
 *   far server                          gateway (its dial-in port)
 *                                    ←  { protocol, nonce }
 *   { join, nonce, remainingMs, proof } →                          first connection
 *                                    ←  { place, proof }
 *                                    ←  { link: key }              somebody wants it: dial again
 *                                    ←  { ping }
 *   { pong }, { leaving }            →
 *
 *                                    ←  { protocol, nonce }        each further one
 *   { link: key, nonce, proof }      →
 *                                    ←  { place, proof }, then HTTP/2, the gateway being the client
 *
 * Both prove that they know the secret without sending it: HMAC-SHA256 over the other's nonce.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";

export const PROTOCOL = 1;
/** Longest line, bytes: names are short. */
const MAX_LINE_BYTES = 4096;

/** Why there is no next line: the other end has hung up. */
export const ENDED = "the connection ended";

/** A line as it came; which fields it must have, and of which type, its reader says. */
export interface Line {
  readonly protocol?: unknown;
  readonly nonce?: unknown;
  readonly proof?: unknown;
  readonly join?: unknown;
  readonly remainingMs?: unknown;
  readonly link?: unknown;
  readonly place?: unknown;
  readonly error?: unknown;
  readonly ping?: unknown;
  readonly pong?: unknown;
  readonly leaving?: unknown;
}

export function newNonce(): string {
  return randomBytes(16).toString("hex");
}

/** @param parts what is proven, in an order that both ends know; none holds a line break */
export function proofOf(secret: Uint8Array, ...parts: readonly string[]): string {
  return createHmac("sha256", secret).update(parts.join("\n")).digest("hex");
}

export function proves(given: unknown, expected: string): boolean {
  if (typeof given !== "string" || given.length !== expected.length) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

export function say(socket: Socket, line: Line): void {
  if (socket.writable) socket.write(`${JSON.stringify(line)}\n`);
}

/**
 * The next line of a socket that nobody else reads. What came behind it stays in the socket.
 * @throws Error where it ends before, is silent for too long, or says something else (rejection)
 */
export function nextLine(socket: Socket, timeoutMs: number): Promise<Line> {
  return new Promise((resolve, reject) => {
    let text = Buffer.alloc(0);
    const end = (settle: () => void) => {
      clearTimeout(late);
      socket.off("readable", read).off("end", ended).off("close", ended).off("error", failed);
      settle();
    };
    const failed = (error: Error) => end(() => reject(error));
    const ended = () => failed(new Error(ENDED));
    const late = setTimeout(() => failed(new Error(`no word for ${timeoutMs} ms`)), timeoutMs);
    const read = () => {
      for (let piece = socket.read(); piece !== null; piece = socket.read()) {
        text = Buffer.concat([text, piece as Buffer]);
        const length = text.indexOf("\n");
        if ((length < 0 ? text.length : length) > MAX_LINE_BYTES) {
          failed(new Error("a line is too long"));
          return;
        }
        if (length < 0) continue;
        const rest = text.subarray(length + 1);
        end(() => {
          if (rest.length > 0) socket.unshift(rest);
          settleLine(text.subarray(0, length).toString(), resolve, reject);
        });
        return;
      }
    };
    socket.on("readable", read).once("end", ended).once("close", ended).once("error", failed);
    read();
  });
}

function settleLine(text: string, resolve: (line: Line) => void, reject: (e: Error) => void) {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    line = undefined;
  }
  if (typeof line === "object" && line !== null && !Array.isArray(line)) resolve(line as Line);
  else reject(new Error("a line is no JSON object: is a program of another kind calling?"));
}

/** Two sockets that are one from now on: what ends the one ends the other. */
export function splice(left: Socket, right: Socket): void {
  left.pipe(right);
  right.pipe(left);
  const cut = () => {
    left.destroy();
    right.destroy();
  };
  for (const socket of [left, right]) socket.once("close", cut).on("error", cut);
}
