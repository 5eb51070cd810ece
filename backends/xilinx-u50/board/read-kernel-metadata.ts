/** The registers of a kernel, from the metadata that XRT hands the board. */
import type { KernelArgumentMetadata, KernelMetadata } from "../xclbin-writer/kernel-metadata.ts";
import type { ComputeUnit } from "../xclbin-writer/layout-sections.ts";
import { attributes, elements } from "./xml.ts";

/**
 * The kernels of such a document, of ours or of the vendor's tools. Streams
 * (address qualifier 4) are left out: the host sets nothing for them.
 * @throws Error for a document that is no XML or lacks what the host needs.
 */
export function readKernelMetadata(xml: string): KernelMetadata[] {
  const kernels: { name: string; arguments: KernelArgumentMetadata[]; units: ComputeUnit[] }[] = [];
  for (const { name: element, text } of elements(xml)) {
    const of = attributes(text);
    const kernel = kernels.at(-1);
    if (element === "kernel") {
      kernels.push({ name: need(of, "name", element), arguments: [], units: [] });
    } else if (element === "arg" && kernel !== undefined) {
      const qualifier = number(of, "addressQualifier", element);
      if (qualifier === 4) continue;
      kernel.arguments.push({
        name: need(of, "name", element),
        index: number(of, "id", element),
        global: qualifier === 1,
        offset: number(of, "offset", element),
        size: number(of, "size", element),
      });
    } else if (element === "instance" && kernel !== undefined) {
      kernel.units.push({ name: `${kernel.name}:${need(of, "name", element)}`, base: 0 });
    } else if (element === "addrRemap" && kernel !== undefined) {
      const unit = kernel.units.pop();
      if (unit !== undefined) kernel.units.push({ ...unit, base: number(of, "base", element) });
    }
  }
  return kernels;
}

function need(of: ReadonlyMap<string, string>, key: string, element: string): string {
  const value = of.get(key);
  if (value === undefined || value === "") throw new Error(`<${element}> has no ${key}`);
  return value;
}

function number(of: ReadonlyMap<string, string>, key: string, element: string): number {
  const text = need(of, key, element);
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`<${element}> ${key}="${text}" is no number`);
}
