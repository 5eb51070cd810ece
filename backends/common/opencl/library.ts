/**
 * The OpenCL 1.2 calls of an ICD loader, by koffi. Synchronous all: the worker that
 * calls them owns the board, and XRT's callbacks into JavaScript deadlock.
 * Handles are bigints; `null` is a null pointer.
 */
import { existsSync } from "node:fs";
import koffi, { type LibraryHandle } from "koffi";
import { BackendError } from "../../contract.ts";
import { xrtHome } from "./xrt-guard.ts";

export type Handle = bigint;
/** Memory that the library reads or writes. */
type Memory = NodeJS.TypedArray | Handle | null;
type Size = number | bigint;
type Code = number;
type GetInfo = (of: Handle, parameter: number, size: Size, into: Memory, sizeOf: Memory) => Code;

export interface OpenCl {
  clGetPlatformIDs(entries: number, into: Memory, count: Memory): Code;
  readonly clGetPlatformInfo: GetInfo;
  clGetDeviceIDs(of: Handle, type: bigint, entries: number, into: Memory, count: Memory): Code;
  readonly clGetDeviceInfo: GetInfo;
  clCreateContext(
    properties: Memory,
    count: number,
    devices: Memory,
    notify: null,
    user: null,
    code: Memory,
  ): Handle | null;
  clReleaseContext(of: Handle): Code;
  clCreateCommandQueue(
    context: Handle,
    device: Handle,
    properties: bigint,
    code: Memory,
  ): Handle | null;
  clReleaseCommandQueue(of: Handle): Code;
  clCreateProgramWithBinary(
    context: Handle,
    count: number,
    devices: Memory,
    lengths: Memory,
    binaries: Memory,
    status: Memory,
    code: Memory,
  ): Handle | null;
  clCreateProgramWithSource(
    context: Handle,
    count: number,
    sources: Memory,
    lengths: Memory,
    code: Memory,
  ): Handle | null;
  clBuildProgram(
    of: Handle,
    count: number,
    devices: Memory,
    options: string,
    notify: null,
    user: null,
  ): Code;
  readonly clGetProgramInfo: GetInfo;
  clGetProgramBuildInfo(
    of: Handle,
    device: Handle,
    parameter: number,
    size: Size,
    into: Memory,
    sizeOf: Memory,
  ): Code;
  clReleaseProgram(of: Handle): Code;
  clCreateKernel(program: Handle, name: string, code: Memory): Handle | null;
  readonly clGetKernelInfo: GetInfo;
  clSetKernelArg(of: Handle, index: number, size: Size, value: Memory): Code;
  clReleaseKernel(of: Handle): Code;
  clCreateBuffer(
    context: Handle,
    flags: bigint,
    size: Size,
    host: Memory,
    code: Memory,
  ): Handle | null;
  clReleaseMemObject(of: Handle): Code;
  clEnqueueWriteBuffer: Transfer;
  clEnqueueReadBuffer: Transfer;
  clEnqueueTask(queue: Handle, kernel: Handle, waits: number, waitFor: Memory, event: Memory): Code;
  clFlush(queue: Handle): Code;
  clFinish(queue: Handle): Code;
  clWaitForEvents(count: number, events: Memory): Code;
  clReleaseEvent(of: Handle): Code;
}

type Transfer = (
  queue: Handle,
  buffer: Handle,
  blocking: 0 | 1,
  offset: Size,
  size: Size,
  memory: Memory,
  waits: number,
  waitFor: Memory,
  event: Memory,
) => Code;

/** Result and arguments: p pointer or handle, i int32, u uint32, U uint64, z size_t, s text. */
const SIGNATURES: Readonly<Record<keyof OpenCl, string>> = {
  clGetPlatformIDs: "iupp",
  clGetPlatformInfo: "ipuzpp",
  clGetDeviceIDs: "ipUupp",
  clGetDeviceInfo: "ipuzpp",
  clCreateContext: "ppupppp",
  clReleaseContext: "ip",
  clCreateCommandQueue: "pppUp",
  clReleaseCommandQueue: "ip",
  clCreateProgramWithBinary: "ppuppppp",
  clCreateProgramWithSource: "ppuppp",
  clBuildProgram: "ipupspp",
  clGetProgramInfo: "ipuzpp",
  clGetProgramBuildInfo: "ippuzpp",
  clReleaseProgram: "ip",
  clCreateKernel: "ppsp",
  clGetKernelInfo: "ipuzpp",
  clSetKernelArg: "ipuzp",
  clReleaseKernel: "ip",
  clCreateBuffer: "ppUzpp",
  clReleaseMemObject: "ip",
  clEnqueueWriteBuffer: "ippuzzpupp",
  clEnqueueReadBuffer: "ippuzzpupp",
  clEnqueueTask: "ippupp",
  clFlush: "ip",
  clFinish: "ip",
  clWaitForEvents: "iup",
  clReleaseEvent: "ip",
};

const TYPES: Readonly<Record<string, string>> = {
  p: "void *",
  i: "int32_t",
  u: "uint32_t",
  U: "uint64_t",
  z: "size_t",
  s: "str",
};

const LOADER = "libOpenCL.so.1";
let opened: OpenCl | undefined;

/**
 * The system's ICD loader, which loads every vendor's library that is installed: the
 * variables that those read (OCL_ICD_VENDORS, XILINX_XRT, POCL_CACHE_DIR, ...) must
 * stand in the environment before.
 * @throws BackendError `device` where there is none, or loading it would end the process
 */
export function openLibrary(): OpenCl {
  if (opened !== undefined) return opened;
  const home = xrtHome(process.env, existsSync);
  if (home !== undefined) process.env["XILINX_XRT"] = home;
  opened = bind(load());
  return opened;
}

function load(): LibraryHandle {
  try {
    return koffi.load(LOADER);
  } catch (cause) {
    throw new BackendError(
      "device",
      `${LOADER} cannot be loaded: install an OpenCL ICD loader (Debian: ocl-icd-libopencl1)`,
      { cause },
    );
  }
}

function bind(library: LibraryHandle): OpenCl {
  const calls = Object.entries(SIGNATURES).map(([name, signature]) => {
    const [result = "", ...types] = [...signature].map((letter) => TYPES[letter] ?? letter);
    return [name, library.func(name, result, types)];
  });
  return Object.fromEntries(calls) as OpenCl;
}

/** Where the bytes lie, for arrays of pointers; they must outlive the call. */
export function addressOf(bytes: Uint8Array): Handle {
  return koffi.address(bytes) as Handle;
}
