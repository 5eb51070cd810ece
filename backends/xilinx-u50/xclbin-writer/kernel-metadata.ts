/** EMBEDDED_METADATA: the XML that gives XRT (and the emulated board) the registers of a kernel. */
import type { ComputeUnit } from "./layout-sections.ts";

export interface KernelArgumentMetadata {
  readonly name: string;
  readonly index: number;
  /** Of a pointer to device memory; else a scalar. */
  readonly global: boolean;
  /** From the base of a compute unit to the argument's first register. */
  readonly offset: number;
  /** Bytes in the registers. */
  readonly size: number;
}

export interface KernelMetadata {
  readonly name: string;
  readonly arguments: readonly KernelArgumentMetadata[];
  readonly units: readonly ComputeUnit[];
}

/** Of a kernel's AXI-Lite registers; what XRT reserves for a compute unit is larger. */
const CONTROL_BYTES = 0x1000;
const UNIT_BYTES = 0x10000;

/**
 * The shortest document that XRT 2.13 takes.
 * @param vbnv the platform's name in its parts: `xilinx`, `u50`, `gen3x16_xdma_base`, `5`.
 */
export function writeKernelMetadata(
  kernel: KernelMetadata,
  vbnv: { vendor: string; board: string; name: string; major: string },
): string {
  const hex = (value: number) => `0x${value.toString(16).toUpperCase()}`;
  const argument = ({ name, index, global, offset, size }: KernelArgumentMetadata) =>
    `<arg name="${escaped(name)}" addressQualifier="${global ? 1 : 0}" id="${index}" port="${global ? "M_AXI_GMEM" : "S_AXI_CONTROL"}"` +
    ` size="${hex(size)}" offset="${hex(offset)}" hostOffset="0x0" hostSize="${hex(size)}"` +
    ` type="${global ? "void*" : "uint"}" memSize="0x0" origName="${escaped(name)}" origUse="variable"/>`;
  const instance = ({ name, base }: ComputeUnit) =>
    `<instance name="${escaped(name.split(":")[1] ?? name)}"><addrRemap base="${hex(base)}" range="${hex(UNIT_BYTES)}" port="S_AXI_CONTROL"/></instance>`;
  const name = escaped(kernel.name);
  return `<?xml version="1.0" encoding="UTF-8"?>
<project name="${name}">
<platform vendor="${vbnv.vendor}" boardid="${vbnv.board}" name="${vbnv.name}" featureRomTime="0">
<version major="${vbnv.major}" minor="0"/>
<board name="xilinx.com:au50:1.3" vendor="xilinx.com" fpga=""/>
<device name="fpga0" fpgaDevice="virtexuplusHBM:xcu50:fsvh2104:-2:e" addrWidth="0">
<core name="OCL_REGION_0" target="csim" type="clc_region" clockFreq="300MHz" numComputeUnits="60">
<kernelClocks><clock port="KERNEL_CLK" frequency="300MHz"/></kernelClocks>
<kernel name="${name}" language="c" vlnv="beamgate:emulated:${name}:1.0" attributes="" preferredWorkGroupSizeMultiple="0" workGroupSize="1" interrupt="true" hwControlProtocol="ap_ctrl_hs">
<module name="${name}"/>
<port name="M_AXI_GMEM" mode="master" range="0xFFFFFFFFFFFFFFFF" dataWidth="512" portType="addressable" base="0x0"/>
<port name="S_AXI_CONTROL" mode="slave" range="${hex(CONTROL_BYTES)}" dataWidth="32" portType="addressable" base="0x0"/>
${kernel.arguments.map(argument).join("\n")}
<compileWorkGroupSize x="1" y="1" z="1"/>
<maxWorkGroupSize x="1" y="1" z="1"/>
${kernel.units.map(instance).join("\n")}
</kernel>
</core>
</device>
</platform>
</project>
`;
}

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
