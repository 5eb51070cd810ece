import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readBoardSensors } from "./board.ts";
import { readCpuSensors } from "./cpu.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "beamgate-hwmon-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

type Files = Readonly<Record<string, string>>;

function write(folder: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${text}\n`);
  }
}

/** As the kernel lays them out: the class has links to where the device is. */
function chip(number: number, device: string, files: Files): void {
  const folder = join("devices", device, "hwmon", `hwmon${number}`);
  write(folder, files);
  mkdirSync(join(root, "hwmon"), { recursive: true });
  symlinkSync(join(root, folder), join(root, "hwmon", `hwmon${number}`));
}

const cpu = () => readCpuSensors(join(root, "hwmon"), join(root, "thermal"));
const board = (address: string) => readBoardSensors(address, join(root, "hwmon"));

describe("sensors of a CPU", () => {
  it("of Intel's: the hottest package, not a core", async () => {
    for (const [n, degrees] of [
      [1, 51_000],
      [2, 54_500],
    ] as const) {
      chip(n, `platform/coretemp.${n}`, {
        name: "coretemp",
        temp1_input: String(degrees),
        temp1_label: `Package id ${n}`,
        temp2_input: "70000",
        temp2_label: "Core 0",
      });
    }
    chip(0, "pci0000:00/0000:01:00.0", { name: "nvme", temp1_input: "88000" });
    expect(await cpu()).toEqual({ temperatureC: 54.5, source: "hwmon coretemp, Package id 2" });
  });

  it("of AMD's: the die, not the control value that fans follow", async () => {
    chip(0, "pci0000:00/0000:00:18.3", {
      name: "k10temp",
      temp1_input: "72250",
      temp1_label: "Tctl",
      temp2_input: "52250",
      temp2_label: "Tdie",
    });
    expect(await cpu()).toEqual({ temperatureC: 52.25, source: "hwmon k10temp, Tdie" });
  });

  it("of an ARM server: temperature and power, which is in microwatts", async () => {
    chip(0, "platform/APMC0D29:00", {
      name: "apm_xgene",
      temp1_input: "47000",
      temp1_label: "SoC Temperature",
      power1_input: "18250000",
      power1_label: "CPU power",
      power2_input: "4000000",
      power2_label: "IO power",
    });
    expect(await cpu()).toEqual({
      temperatureC: 47,
      powerW: 18.25,
      source: "hwmon apm_xgene, SoC Temperature",
    });
  });

  it("of an ARM board without such chips: its hottest thermal zone", async () => {
    write("thermal/thermal_zone0", { type: "cpu-thermal", temp: "48312" });
    write("thermal/thermal_zone1", { type: "cluster1-thermal", temp: "49100" });
    write("thermal/thermal_zone2", { type: "battery", temp: "60000" });
    expect(await cpu()).toEqual({ temperatureC: 49.1, source: "thermal zone cluster1-thermal" });
  });

  it("are none in a virtual machine, and where a sensor gives no number", async () => {
    expect(await cpu()).toBeUndefined();
    chip(0, "platform/coretemp.0", {
      name: "coretemp",
      temp1_input: "",
      temp1_label: "Package id 0",
    });
    expect(await cpu()).toBeUndefined();
  });
});

describe("sensors of a board", () => {
  it("of AMD's: those below its PCI address and no other's", async () => {
    const files = (degrees: string) => ({
      name: "xilinx_u50_gen3x16_xdma",
      temp1_input: "39000",
      temp1_label: "PCB TOP FRONT",
      temp2_input: degrees,
      temp2_label: "FPGA TEMP",
      power1_average: "23145000",
    });
    chip(3, "pci0000:3a/0000:3a:00.0/0000:3b:00.1", files("46000"));
    chip(4, "pci0000:ae/0000:ae:00.0/0000:af:00.1", files("58000"));
    expect(await board("0000:3b:00.1")).toEqual({
      temperatureC: 46,
      powerW: 23.145,
      source: "hwmon xilinx_u50_gen3x16_xdma, FPGA TEMP, power1",
    });
    expect(await board("0000:3b:00.0")).toBeUndefined();
  });

  it("of Intel's: deep below the card; rails are not taken for the whole", async () => {
    const controller =
      "pci0000:85/0000:86:00.0/fpga_region/region0/dfl-fme.0/dfl_dev.2/spi0.0/n6000bmc";
    chip(5, controller, {
      name: "d5005bmc",
      temp1_input: "31500",
      temp1_label: "Board Inlet Air Temperature",
      temp2_input: "44500",
      temp2_label: "FPGA Core Temperature",
      power1_input: "9000000",
      power1_label: "3.3v Power",
      power2_input: "12000000",
      power2_label: "1.8v Power",
    });
    expect(await board("0000:86:00.0")).toEqual({
      temperatureC: 44.5,
      source: "hwmon d5005bmc, FPGA Core Temperature",
    });
  });
});
