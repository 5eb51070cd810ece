import { describe, expect, it } from "vitest";
import { xrtHome } from "./xrt-guard.ts";

const ICD = "/etc/OpenCL/vendors/xilinx.icd";
const having =
  (...files: readonly string[]) =>
  (path: string) =>
    files.includes(path);

describe("XRT among the OpenCL libraries of a host", () => {
  it("is no matter where it is not installed, or the vendors were chosen", () => {
    expect(xrtHome({}, having())).toBeUndefined();
    expect(xrtHome({ OCL_ICD_VENDORS: "/vendors" }, having(ICD))).toBeUndefined();
  });

  it("is found where the environment says, or where it usually is", () => {
    const usual = having(ICD, "/opt/xilinx/xrt/lib/libxrt_core.so.2");
    expect(xrtHome({}, usual)).toBe("/opt/xilinx/xrt");
    const own = having(ICD, "/own/lib/libxrt_core.so.2");
    expect(xrtHome({ XILINX_XRT: "/own" }, own)).toBe("/own");
  });

  it.each([{}, { XILINX_XRT: "/gone" }])("would end the process with %j: refused before", (env) => {
    expect(() => xrtHome(env, having(ICD))).toThrow(/source its setup\.sh/);
    expect(() => xrtHome(env, having(ICD))).toThrow(expect.objectContaining({ fault: "device" }));
  });
});
