/** The boards of this host: those of Intel's runtime, and the emulated ones. */
import {
  type BoardChoice,
  type DeviceInfo,
  findPlatform,
  listDevices,
  openLibrary,
} from "../common/opencl/index.ts";
import { BackendError, type Device } from "../contract.ts";
import { EMULATED_PLATFORM } from "./inspect.ts";

export interface Board {
  readonly device: Device;
  readonly choice: BoardChoice;
}

/** "Intel(R) FPGA SDK for OpenCL(TM)", before 2017 "Altera SDK for OpenCL"; not the CPU's and not the emulation platform. */
const INTEL_PLATFORM = /^(Intel\(R\) FPGA|Altera) SDK for OpenCL/;
const POCL_PLATFORM = /^Portable Computing Language$/;

/** @param emulated how many emulated boards are asked for */
export function listBoards(emulated: number): readonly Board[] {
  try {
    return [...realBoards(), ...(emulated > 0 ? emulatedBoards(emulated) : [])];
  } catch (cause) {
    // Without a loader there is no board; that is no failure of the gateway.
    if (cause instanceof BackendError && cause.fault === "device") return [];
    throw cause;
  }
}

function realBoards(): readonly Board[] {
  return devicesOf(INTEL_PLATFORM)
    .map((info, index) => ({ info, ...boardNames(info.name, index) }))
    .filter(({ info }) => !isOffline(info))
    .map(({ info, id, platform, description }) => ({
      device: {
        ...{ id, vendor: "intel", platform, reconfigurable: true, description },
        ...(info.memoryBytes > 0 ? { memoryBytes: info.memoryBytes } : {}),
      },
      choice: { platform: INTEL_PLATFORM, device: ({ name }) => name === info.name },
    }));
}

/** What the runtime offers to compile for boards that are not there: it runs nothing. */
function isOffline({ name }: DeviceInfo): boolean {
  return name.includes("Offline Device");
}

/** A board is named "pac_a10 : Intel PAC Platform (pac_ec00000)": variant, description, handle. */
export function boardNames(name: string, index: number) {
  const [, platform = name, description = name] = /^(\S+) : (.*)$/.exec(name) ?? [];
  const handle = /\(([\w.-]+)\)$/.exec(name)?.[1] ?? String(index);
  return { id: `intel-${handle}`, platform, description };
}

function emulatedBoards(count: number): readonly Board[] {
  const [cpu] = devicesOf(POCL_PLATFORM);
  if (cpu === undefined) return [];
  return Array.from({ length: count }, (_, index) => ({
    device: {
      id: `intel-emulated-${index}`,
      vendor: "intel",
      platform: EMULATED_PLATFORM,
      emulated: true,
      reconfigurable: true,
      description: `PoCL ${cpu.driverVersion} on this host's CPU, in place of an Intel board`,
    },
    choice: EMULATED_CHOICE,
  }));
}

/** Emulated boards are contexts of their own on PoCL's first device. */
const EMULATED_CHOICE: BoardChoice = { platform: POCL_PLATFORM, device: (_, index) => index === 0 };

function devicesOf(platform: RegExp): readonly DeviceInfo[] {
  const cl = openLibrary();
  const found = findPlatform(cl, platform);
  return found === undefined ? [] : listDevices(cl, found);
}
