/** Draws figures again and again, until somebody has seen enough. */
import type { GatewayAddress } from "../gateway-address.ts";
import { CliError, type Io } from "../io.ts";
import type { Terminal } from "../terminal.ts";
import { type Figures, figuresBetween } from "./figures.ts";
import { type Sample, takeSample, usageFrom } from "./sample.ts";
import { screen } from "./screen.ts";

const ENTER = "\u001b[?1049h\u001b[?25l"; // a screen of its own, no cursor
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const LINE_END = "\u001b[K\r\n";
const REST = "\u001b[J";
const QUIT = ["q", "Q", "\u0003"];
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** @throws CliError where the first sample cannot be had; later ones may fail, which is shown */
export async function watch(
  gateway: GatewayAddress,
  intervalMs: number,
  terminal: Terminal,
  io: Io,
): Promise<void> {
  const from = usageFrom();
  let before = await takeSample(gateway, from);
  let figures: Figures = figuresBetween(before, before);
  let time = timeText();
  let frozen = false;
  let trouble: string | undefined = "the first figures come after one interval";
  let over = false;
  let wake: () => void = () => undefined;

  const draw = () => {
    const remark = frozen ? "frozen: space goes on, q quits" : trouble;
    const told = { origin: gateway.url.origin, time, ...(remark === undefined ? {} : { remark }) };
    const lines = screen(figures, told, terminal.size(), io.colour);
    io.out(`${HOME}${lines.join(LINE_END)}\u001b[K${REST}`);
  };
  const quit = () => {
    over = true;
    wake();
  };
  const undo = [
    terminal.onResize(draw),
    terminal.onKey((key) => {
      if (QUIT.includes(key)) quit();
      if (key !== " ") return;
      frozen = !frozen;
      draw();
    }),
    ...SIGNALS.map((signal) => {
      process.on(signal, quit);
      return () => process.off(signal, quit);
    }),
  ];
  io.out(ENTER);
  try {
    draw();
    while (!over) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (over) break;
      const sample = await next(gateway, from);
      if (typeof sample === "string") trouble = `${sample}; these figures are of ${time}`;
      else {
        if (!frozen) {
          figures = figuresBetween(before, sample);
          time = timeText();
        }
        trouble = undefined;
        before = sample;
      }
      if (!over) draw();
    }
  } finally {
    for (const each of undo) each();
    io.out(LEAVE);
  }
}

/** @returns a text: why there is none */
async function next(gateway: GatewayAddress, from: string): Promise<Sample | string> {
  try {
    return await takeSample(gateway, from);
  } catch (error) {
    if (error instanceof CliError) return error.message;
    throw error;
  }
}

export function timeText(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
