/**
 * EMBEDDED_METADATA: XML that describes the kernels to the host, with the
 * registers of their arguments. XRT takes names, offsets and sizes from here.
 */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { present } from "../../common/artifact-file/present.ts";
import { parseXml } from "../../common/xml/parse-xml.ts";
import type { XmlElement } from "../../common/xml/xml-element.ts";

/** By `addressQualifier`, the address spaces of OpenCL and streams. */
const KINDS = ["scalar", "global", "constant", "local", "stream"] as const;
/** The silicon has room for some dozens. */
const MAX_KERNELS = 1000;
const MAX_ARGUMENTS = 1000;

export type ArgumentKind = (typeof KINDS)[number];

export interface XclbinArgument {
  readonly index: number;
  readonly name: string;
  readonly kind: ArgumentKind;
  /** As in the kernel's source, `ap_uint<512> const*`. */
  readonly type: string;
  readonly sizeBytes: number;
  /** Of its register from the base of the compute unit. */
  readonly offset: number;
}

export interface XclbinKernel {
  readonly name: string;
  /** In the order of their indices. */
  readonly arguments: readonly XclbinArgument[];
  readonly computeUnits: readonly { readonly name: string; readonly baseAddress?: string }[];
  /** Length of its register file. */
  readonly controlBytes?: number;
}

export interface EmbeddedMetadata {
  readonly kernels: readonly XclbinKernel[];
  /** Part the image was made for, `virtexuplusHBM:xcu50:fsvh2104:-2:e`. */
  readonly fpga?: string;
}

/** @throws BackendError `artifact` where it is no XML, or does not describe kernels */
export function readEmbeddedMetadata(view: ByteView): EmbeddedMetadata {
  const project = parseXml(view.text(), view.place);
  if (project.name !== "project") {
    throw view.place.refusal(`root element <${project.name}>, expected <project>`);
  }
  const devices = project
    .childrenNamed("platform")
    .flatMap((platform) => platform.childrenNamed("device"));
  const kernels = devices
    .flatMap((device) => device.childrenNamed("core"))
    .flatMap((core) => core.childrenNamed("kernel"))
    .slice(0, MAX_KERNELS + 1)
    .map((kernel) => readKernel(view, kernel));
  if (kernels.length > MAX_KERNELS) {
    throw view.place.refusal(`more than ${MAX_KERNELS} kernels`);
  }
  const fpga = devices[0]?.attribute("fpgaDevice");
  return { kernels, ...(fpga === undefined || fpga === "" ? {} : { fpga }) };
}

function readKernel(view: ByteView, kernel: XmlElement): XclbinKernel {
  const name = kernel.attribute("name") ?? "";
  if (name === "") throw view.place.refusal("a kernel without a name");
  const slave = kernel.childrenNamed("port").find((port) => port.attribute("mode") === "slave");
  const controlBytes = slave === undefined ? undefined : numberOf(slave.attribute("range"));
  const computeUnits = kernel.childrenNamed("instance").map((instance) => {
    const baseAddress = instance.child("addrRemap")?.attribute("base");
    return { name: instance.attribute("name") ?? "", ...present({ baseAddress }) };
  });
  return {
    name,
    arguments: readArguments(view, kernel, name),
    computeUnits,
    ...present({ controlBytes }),
  };
}

function readArguments(view: ByteView, kernel: XmlElement, kernelName: string): XclbinArgument[] {
  const found: XclbinArgument[] = [];
  for (const element of kernel.childrenNamed("arg")) {
    const name = element.attribute("name") ?? "";
    const id = element.attribute("id") ?? "";
    if (id === "") continue; // Set by the runtime, not by the host.
    const place = view.place.part(`kernel '${kernelName}', argument '${name}'`);
    const need = (attribute: string): number => {
      const text = element.attribute(attribute);
      const value = numberOf(text);
      if (value !== undefined) return value;
      throw place.refusal(`${attribute}="${text ?? ""}", expected a number`);
    };
    const qualifier = need("addressQualifier");
    const kind = KINDS[qualifier];
    if (kind === undefined) throw place.refusal(`addressQualifier ${qualifier}, expected 0 to 4`);
    found.push({
      index: need("id"),
      name,
      kind,
      type: element.attribute("type") ?? "",
      sizeBytes: need("size"),
      offset: need("offset"),
    });
  }
  if (found.length > MAX_ARGUMENTS) {
    throw view.place.refusal(`kernel '${kernelName}' has more than ${MAX_ARGUMENTS} arguments`);
  }
  found.sort((one, other) => one.index - other.index);
  found.forEach((argument, position) => {
    if (argument.index === position) return;
    throw view.place
      .part(`kernel '${kernelName}'`)
      .refusal(`an argument with id ${argument.index}, expected ids from 0 on without gaps`);
  });
  return found;
}

/** `0x1C` or `28`. */
function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,15})$/.test(text)) return undefined;
  return Number(text);
}
