import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOWEST = 10_000;
const USUAL_EPHEMERAL = 32_768;
const TRIES = 100;

/** By this process: nobody is told the same one twice. */
const told = new Set<number>();

/** Free a moment ago, and below the ports that the kernel gives to outgoing connections: a server that
 * is to come back at the same port finds it free, whatever others have connected to meanwhile. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = randomInt(LOWEST, firstEphemeral());
    if (told.has(port) || !(await isFree(port))) continue;
    told.add(port);
    return port;
  }
  throw new Error(`none of ${TRIES} ports from ${LOWEST} to ${firstEphemeral()} is free`);
}

function firstEphemeral(): number {
  let first = Number.NaN;
  try {
    first = Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
  } catch {
    // Not Linux.
  }
  return first > LOWEST ? first : USUAL_EPHEMERAL;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
