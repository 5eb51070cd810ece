import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSensors } from "./sensors.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-fpgainfo-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Prints as OPAE's tool does, for one board. */
function tool(): string {
  const path = join(folder, "fpgainfo");
  const board = "PCIe s:b:d.f : 0000:B1:00.0";
  writeFileSync(
    path,
    `#!/bin/sh\necho "${board}"\ncase $1 in temp) echo "( 5) FPGA Core Temperature : 46.50 Celsius";;
power) echo "( 1) Total Input Power : 61.25 Watts";; esac\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

const board = (id: string, emulated = false) => ({
  ...{ id, vendor: "intel", platform: "pac_a10", emulated },
});

describe("the sensors of Intel's boards", () => {
  it("are those of the only board, and nobody's where there are several", async () => {
    const [reading] = await readSensors([board("a"), board("e", true)], tool());
    expect(reading).toMatchObject({ id: "a", temperatureC: 46.5, powerW: 61.25 });
    expect(await readSensors([board("a"), board("b")], tool())).toEqual([]);
  });

  it("are none of an emulated board, nor without the tool", async () => {
    expect(await readSensors([board("e", true)], tool())).toEqual([]);
    expect(await readSensors([board("a")], join(folder, "missing"))).toEqual([]);
  });
});
