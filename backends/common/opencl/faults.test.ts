import { describe, expect, it } from "vitest";
import { BackendError } from "../../contract.ts";
import { check, faultOf } from "./faults.ts";

describe("the answer of an OpenCL call", () => {
  it.each([
    // PoCL 3.1: bytes that are no binary, or one for another CPU.
    ["clCreateProgramWithBinary", -42, "artifact"],
    // XRT 2.13: a truncated image, or one that the board refuses.
    ["clCreateProgramWithBinary", -6, "artifact"],
    // XRT 2.13: another image is loaded.
    ["clCreateProgramWithBinary", -5, "exhausted"],
    ["clBuildProgram", -11, "artifact"],
    ["clCreateKernel", -46, "artifact"],
    ["clSetKernelArg", -49, "artifact"],
    ["clSetKernelArg", -51, "artifact"],
    // XRT 2.13: the compute unit is not wired to the buffer's bank.
    ["clSetKernelArg", -4, "artifact"],
    ["clEnqueueTask", -52, "artifact"],
    ["clCreateBuffer", -4, "exhausted"],
    ["clCreateBuffer", -61, "exhausted"],
    ["clEnqueueTask", -5, "exhausted"],
    ["clWaitForEvents", -14, "device"],
    ["clCreateContext", -2, "device"],
    ["clCreateContext", -33, "device"],
    ["clGetPlatformIDs", -1001, "device"],
    ["clFinish", -36, "device"],
    ["clEnqueueReadBuffer", -30, "internal"],
    ["clFlush", -9999, "internal"],
  ])("%s, code %i: fault `%s`", (call, code, fault) => {
    expect(faultOf(call, code)).toBe(fault);
  });

  it("is no error when it is CL_SUCCESS", () => {
    expect(() => check("clFlush", 0)).not.toThrow();
  });

  it("is told by name and number, with what it was about", () => {
    const thrown = () => check("clCreateKernel", -46, 'kernel "net"');
    expect(thrown).toThrow(BackendError);
    expect(thrown).toThrow('kernel "net": clCreateKernel answered CL_INVALID_KERNEL_NAME (-46)');
    expect(() => check("clFlush", -9999)).toThrow("clFlush answered unknown code (-9999)");
  });
});
