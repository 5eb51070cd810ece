import { describe, expect, it } from "vitest";
import { readVendor } from "./device.ts";

describe("the maker of the CPU", () => {
  it.each([
    ["an x86 server", "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t\t: 1\n", "AuthenticAMD"],
    ["an Ampere Altra", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n", "ARM"],
    ["a Grace", "CPU implementer\t: 0x4e\n", "NVIDIA"],
    ["one that nobody listed", "CPU implementer\t: 0x7f\n", "0x7f"],
  ])("is read from /proc/cpuinfo of %s", (_, cpuinfo, vendor) => {
    expect(readVendor(cpuinfo)).toBe(vendor);
  });
});
