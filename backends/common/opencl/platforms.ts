/** Which platforms and devices the installed OpenCL libraries offer. */
import { DEVICE_TYPE_ALL, INFO } from "./constants.ts";
import { check } from "./faults.ts";
import { askText, askUint64 } from "./info.ts";
import type { Handle, OpenCl } from "./library.ts";

export interface PlatformInfo {
  readonly handle: Handle;
  readonly name: string;
  readonly vendor: string;
  readonly version: string;
}

export interface DeviceInfo {
  readonly handle: Handle;
  readonly name: string;
  readonly vendor: string;
  readonly driverVersion: string;
  readonly memoryBytes: number;
  /** Empty where the library does not tell it. */
  readonly pciAddress: string;
}

const NO_PLATFORM = -1001;
const NO_DEVICE = -1;

/** Empty where no vendor's library found anything. */
export function listPlatforms(cl: OpenCl): readonly PlatformInfo[] {
  return handles("clGetPlatformIDs", NO_PLATFORM, (entries, into, count) =>
    cl.clGetPlatformIDs(entries, into, count),
  ).map((handle) => {
    const text = (parameter: number) =>
      askText((size, into, sizeOf) => cl.clGetPlatformInfo(handle, parameter, size, into, sizeOf));
    return {
      handle,
      name: text(INFO.platformName),
      vendor: text(INFO.platformVendor),
      version: text(INFO.platformVersion),
    };
  });
}

/** In the library's order. */
export function listDevices(cl: OpenCl, platform: PlatformInfo): readonly DeviceInfo[] {
  return handles("clGetDeviceIDs", NO_DEVICE, (entries, into, count) =>
    cl.clGetDeviceIDs(platform.handle, DEVICE_TYPE_ALL, entries, into, count),
  ).map((handle) => {
    const ask =
      (parameter: number) =>
      (size: number | bigint, into: Uint8Array | null, sizeOf: BigUint64Array | null) =>
        cl.clGetDeviceInfo(handle, parameter, size, into, sizeOf);
    return {
      handle,
      name: askText(ask(INFO.deviceName)),
      vendor: askText(ask(INFO.deviceVendor)),
      driverVersion: askText(ask(INFO.driverVersion)),
      memoryBytes: Number(askUint64(ask(INFO.deviceGlobalMemSize)) ?? 0n),
      pciAddress: askText(ask(INFO.devicePciAddress)),
    };
  });
}

type Enumerate = (
  entries: number,
  into: BigUint64Array | null,
  count: Uint32Array | null,
) => number;

function handles(call: string, none: number, enumerate: Enumerate): readonly Handle[] {
  const count = new Uint32Array(1);
  const code = enumerate(0, null, count);
  if (code === none || (code === 0 && count[0] === 0)) return [];
  check(call, code);
  const found = new BigUint64Array(count[0] ?? 0);
  check(call, enumerate(found.length, found, null));
  return [...found];
}
