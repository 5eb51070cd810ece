/** `node attack.js NAME PORT`: one attack in a process of its own; prints what it did as JSON. */
import { argv, exit, stdout } from "node:process";
import { garbage } from "./garbage.ts";
import { halfSent } from "./half-sent.ts";
import { oneByteFrames } from "./one-byte-frames.ts";
import { rapidReset } from "./rapid-reset.ts";
import { unread } from "./unread.ts";

const ATTACKS: Readonly<Record<string, (port: number) => Promise<object>>> = {
  "half-sent": halfSent,
  "one-byte-frames": oneByteFrames,
  "rapid-reset": rapidReset,
  unread,
  garbage,
};

const attack = ATTACKS[argv[2] ?? ""];
if (!attack) exit(2);
// Being thrown out in the middle of a write is this program's daily bread.
process.on("uncaughtException", (error) =>
  stdout.write(`{"cutOff":${JSON.stringify(error.message)}}\n`, () => exit(0)),
);
const did = await attack(Number(argv[3]));
stdout.write(`${JSON.stringify(did)}\n`, () => exit(0));
