/** Reports of the vendors' tools, in the form in which XRT 2.13 to 2.18 and OPAE 1.3 to 2.8 write them. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseFpgainfo, readFpgainfo } from "./fpgainfo.ts";
import { parseXrt, readXrtSensors } from "./xrt.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-sensors-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function tool(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const thermal = (place: string, degrees: string, present = "true") => ({
  location_id: place,
  description: place,
  temp_C: degrees,
  is_present: present,
});
const report = (device: object) =>
  JSON.stringify({
    schema_version: { schema: "JSON", creation_date: "Tue Mar 14 09:12:01 2023 GMT" },
    devices: [{ interface_type: "pcie", device_id: "0000:3b:00.1", ...device }],
  });
const U50 = report({
  thermals: [
    thermal("pcb_top_front", "35"),
    thermal("pcb_bottom_front", "0", "false"),
    thermal("fpga0", "43"),
    thermal("fpga_hbm", "41"),
  ],
  electrical: {
    power_rails: [{ id: "12v_pex", voltage: { volts: "12.186" }, current: { amps: "1.610" } }],
    power_consumption_max_watts: "75",
    power_consumption_watts: "19.619460",
    power_consumption_warning: "false",
  },
});

describe("xbutil and xrt-smi", () => {
  it("say the temperature of the chip and the power of the board", () => {
    expect(parseXrt(U50).get("0000:3b:00.1")).toEqual({
      temperatureC: 43,
      powerW: 19.61946,
      source: "XRT, fpga0",
    });
  });

  it.each([
    ["a board that is asleep", report({ thermals: [thermal("fpga0", "0")], electrical: {} })],
    ["a board without a total", report({ electrical: { power_consumption_watts: "N/A" } })],
    ["a report cut off", U50.slice(0, 200)],
    ["another report", '{"devices":[null,7,{"device_id":3}]}'],
  ])("give nothing for %s", (_, json) => {
    expect(parseXrt(json).size).toBe(0);
  });

  it("are asked for one board, and the older where the newer is missing", async () => {
    const script = `[ "$3" = 0000:3b:00.1 ] || exit 1
while [ "$1" != -o ]; do shift; done
cat > "$2" <<'END'
${U50}
END`;
    const tools = [join(folder, "xrt-smi"), tool("xbutil", script)];
    expect(await readXrtSensors("0000:3b:00.1", tools)).toMatchObject({ temperatureC: 43 });
    expect(await readXrtSensors("0000:af:00.1", tools)).toBeUndefined();
    expect(await readXrtSensors("0000:3b:00.1", tools.slice(0, 1))).toBeUndefined();
  });
});

const header = (
  kind: string,
  address: string,
) => `Board Management Controller, MAX10 NIOS FW version: 2.0.14
//****** ${kind} ******//
Object Id                        : 0xF000000
PCIe ${address}
Vendor Id                        : 0x8086
Bitstream Version                : 4.0.1
`;
const N6000 = `${header("TEMP", "s:b:d.f                     : 0000:B1:00.0")}( 1) FPGA E-Tile Temperature        : N/A
( 2) FPGA Core Temperature          : 46.50 Celsius
( 3) Board Inlet Air Temperature    : 28.00 Celsius
${header("POWER", "s:b:d.f                     : 0000:B1:00.0")}( 1) VCCRT_GXER_0V9 Voltage      : 0.91 Volts
( 2) Board Power                    : 66.34 Watts
`;
const D5005 = `${header("POWER", "s:b:d:f                        : 0000:89:00:0")}( 2) 12v Backplane Current          : 3.02 Amps
( 3) 12v Backplane Voltage          : 12.27 Volts
${header("TEMP", "s:b:d:f                        : 0000:89:00:0")}( 5) FPGA Core TEMP                 : 51.50 °C
`;

describe("fpgainfo", () => {
  it("says temperature and power of every board, in old and new forms", () => {
    expect([...parseFpgainfo(N6000 + D5005)]).toEqual([
      [
        "0000:b1:00.0",
        {
          temperatureC: 46.5,
          powerW: 66.34,
          source: "fpgainfo, FPGA Core Temperature, Board Power",
        },
      ],
      ["0000:89:00.0", { temperatureC: 51.5, source: "fpgainfo, FPGA Core TEMP" }],
    ]);
  });

  it("gives nothing for boards that say nothing, and lines that are nobody's", () => {
    const silent = header("TEMP", "s:b:d.f : 0000:B1:00.0");
    expect(parseFpgainfo(`( 2) FPGA Core Temperature : 46.50 Celsius\n${silent}`).size).toBe(0);
  });

  it("is asked for both, and is none where it is missing", async () => {
    const script = `case "$1" in temp) cat <<'END'
${N6000}
END
;; esac`;
    const boards = await readFpgainfo(tool("fpgainfo", script));
    expect(boards.get("0000:b1:00.0")?.temperatureC).toBe(46.5);
    expect((await readFpgainfo(join(folder, "missing"))).size).toBe(0);
  });
});
