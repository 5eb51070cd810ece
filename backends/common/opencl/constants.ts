/** Numbers of OpenCL's headers (CL/cl.h 1.2, CL/cl_ext_xilinx.h) that the host uses. */

/** Parameters of the clGet…Info calls. */
export const INFO = {
  platformVersion: 0x0901,
  platformName: 0x0902,
  platformVendor: 0x0903,
  deviceGlobalMemSize: 0x101f,
  /** `0000:3b:00.1`; XRT alone knows it (CL_DEVICE_PCIE_BDF of its cl_ext_xilinx.h). */
  devicePciAddress: 0x1120,
  deviceName: 0x102b,
  deviceVendor: 0x102c,
  driverVersion: 0x102d,
  programBinarySizes: 0x1165,
  programBinaries: 0x1166,
  programBuildLog: 0x1183,
  kernelNumArgs: 0x1191,
} as const;

export const DEVICE_TYPE_ALL = 0xffffffffn;

export const MEMORY = {
  writeOnly: 1n << 1n,
  readOnly: 1n << 2n,
  /** `host_ptr` points to a `cl_mem_ext_ptr_t` that names the bank. */
  xilinxExtension: 1n << 31n,
} as const;

/** In the flags of a `cl_mem_ext_ptr_t`: the lower bits are an index into the image's MEM_TOPOLOGY. */
export const XILINX_MEMORY_TOPOLOGY = 0x80000000;

/** Names of the codes, for people. */
const CODES: Readonly<Record<number, string>> = {
  [-1]: "CL_DEVICE_NOT_FOUND",
  [-2]: "CL_DEVICE_NOT_AVAILABLE",
  [-3]: "CL_COMPILER_NOT_AVAILABLE",
  [-4]: "CL_MEM_OBJECT_ALLOCATION_FAILURE",
  [-5]: "CL_OUT_OF_RESOURCES",
  [-6]: "CL_OUT_OF_HOST_MEMORY",
  [-11]: "CL_BUILD_PROGRAM_FAILURE",
  [-14]: "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
  [-30]: "CL_INVALID_VALUE",
  [-32]: "CL_INVALID_PLATFORM",
  [-33]: "CL_INVALID_DEVICE",
  [-34]: "CL_INVALID_CONTEXT",
  [-36]: "CL_INVALID_COMMAND_QUEUE",
  [-37]: "CL_INVALID_HOST_PTR",
  [-38]: "CL_INVALID_MEM_OBJECT",
  [-42]: "CL_INVALID_BINARY",
  [-43]: "CL_INVALID_BUILD_OPTIONS",
  [-44]: "CL_INVALID_PROGRAM",
  [-45]: "CL_INVALID_PROGRAM_EXECUTABLE",
  [-46]: "CL_INVALID_KERNEL_NAME",
  [-47]: "CL_INVALID_KERNEL_DEFINITION",
  [-48]: "CL_INVALID_KERNEL",
  [-49]: "CL_INVALID_ARG_INDEX",
  [-50]: "CL_INVALID_ARG_VALUE",
  [-51]: "CL_INVALID_ARG_SIZE",
  [-52]: "CL_INVALID_KERNEL_ARGS",
  [-54]: "CL_INVALID_WORK_GROUP_SIZE",
  [-58]: "CL_INVALID_EVENT",
  [-59]: "CL_INVALID_OPERATION",
  [-61]: "CL_INVALID_BUFFER_SIZE",
  [-1001]: "CL_PLATFORM_NOT_FOUND_KHR",
};

export function nameOfCode(code: number): string {
  return CODES[code] ?? "unknown code";
}
