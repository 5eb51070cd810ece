/** Sensors of Intel's boards, as OPAE's `fpgainfo temp` and `fpgainfo power` print them. */
import { runTool } from "../tools/run-tool.ts";
import { reading, type SensorReading } from "./reading.ts";

const TIMEOUT_MS = 10_000;

/** `PCIe s:b:d.f : 0000:B1:00.0`, and with a colon before the function in older releases. */
const ADDRESS = /^PCIe s:b:d[.:]f\s*:\s*([0-9A-F]{4}:[0-9A-F]{2}:[0-9A-F]{2})[.:]([0-9A-F])$/i;
/** `( 5) FPGA Core Temperature : 46.50 Celsius` */
const SENSOR = /^\(\s*\d+\)\s*(.+?)\s*:\s*(-?\d+(?:\.\d+)?)\s*(Celsius|Centigrade|°C|Watts)$/i;
const CHIP = /^FPGA (?:Core|Die)(?: TEMP| Temperature)?$/i;
const POWER = /^(?:Total Input|Board) Power$/i;

/** @returns readings by PCI address; empty where the tool is missing or fails */
export async function readFpgainfo(tool = "fpgainfo"): Promise<ReadonlyMap<string, SensorReading>> {
  const [temperatures, powers] = await Promise.all(
    ["temp", "power"].map((what) => runTool(tool, [what], TIMEOUT_MS)),
  );
  return parseFpgainfo(`${temperatures?.stdout}\n${powers?.stdout}`);
}

export function parseFpgainfo(text: string): ReadonlyMap<string, SensorReading> {
  const boards = new Map<string, Board>();
  let board: Board | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    // A block begins so; until its address comes it is nobody's.
    if (line.startsWith("//**")) board = undefined;
    const [, slot, fn] = ADDRESS.exec(line) ?? [];
    if (slot === undefined) {
      if (board !== undefined) readSensor(line, board);
      continue;
    }
    const address = `${slot}.${fn}`.toLowerCase();
    board = boards.get(address) ?? { labels: [] };
    boards.set(address, board);
  }
  const readings = new Map<string, SensorReading>();
  for (const [address, { temperatureC, powerW, labels }] of boards) {
    const found = reading({ temperatureC, powerW }, ["fpgainfo", ...labels].join(", "));
    if (found !== undefined) readings.set(address, found);
  }
  return readings;
}

interface Board {
  temperatureC?: number;
  powerW?: number;
  /** Of the sensors that gave the values. */
  readonly labels: string[];
}

/** Most sensors are of rails and of places on the board: those are passed over. */
function readSensor(line: string, board: Board): void {
  const [, label = "", value, unit = ""] = SENSOR.exec(line) ?? [];
  if (value === undefined) return;
  if (/^watts$/i.test(unit)) {
    if (!POWER.test(label)) return;
    board.powerW = Number(value);
  } else {
    if (!CHIP.test(label)) return;
    board.temperatureC = Number(value);
  }
  board.labels.push(label);
}
