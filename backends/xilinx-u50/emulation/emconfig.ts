/** `emconfig.json`: the cards that XRT's emulation pretends to find (as Vitis' emconfigutil writes it). */
import { BANK_COUNT } from "../platform.ts";

export function emconfig(platform: string, boards: number): string {
  const device = {
    Name: platform,
    HalMajorVersion: "1",
    HalMinorVersion: "0",
    VendorId: String(0x10ee),
    DeviceId: String(0x5020),
    SubsystemVendorId: String(0x10ee),
    DeviceVersion: "0",
    DataAlignment: "4096",
    NumDevices: String(boards),
    DdrBanks: Array.from({ length: BANK_COUNT }, () => ({ Size: "256MB" })),
    OclFreqency: "300",
  };
  const platformEntry = {
    UnifiedPlatform: "true",
    ExpandedPR: "true",
    Boards: [{ NumBoards: "1", Devices: [device] }],
  };
  return JSON.stringify({
    Version: { FileVersion: "2.0", ToolVersion: "2022.1" },
    Platform: platformEntry,
  });
}
