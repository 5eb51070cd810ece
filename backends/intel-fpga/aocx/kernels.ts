/** Kernels of an aocx file, and `.acl.kernel_arg_info.xml`, which names their arguments. */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import type { Place } from "../../common/artifact-file/place.ts";
import { parseXml } from "../../common/xml/parse-xml.ts";
import type { XmlElement } from "../../common/xml/xml-element.ts";

export interface AocxArgument {
  readonly index: number;
  /** Empty where the kernel was compiled without -cl-kernel-arg-info. */
  readonly name: string;
  readonly kind: "buffer" | "scalar" | "other";
  /** As in the kernel's source, `int*`. */
  readonly type: string;
  /** Absent where only the XML describes it. */
  readonly sizeBytes?: number;
  /** Set by the runtime, for printf; the host does not see it. */
  readonly hidden: boolean;
}

export interface AocxKernel {
  readonly name: string;
  readonly arguments: readonly AocxArgument[];
}

/** Address spaces of arguments: 0 by value, 1 local, 2 global, 3 constant. */
export const LOCAL = 1;
const LAST_ADDRESS_SPACE = 3;

export const isHidden = (argument: string) => argument.startsWith("llvm_fpga_printf_buffer");

/** @throws BackendError `artifact` where it is no XML, or does not describe kernels */
export function readKernelArgInfo(view: ByteView): AocxKernel[] {
  const board = parseXml(view.text(), view.place);
  if (board.name !== "board") {
    throw view.place.refusal(`root element <${board.name}>, expected <board>`);
  }
  return board.childrenNamed("kernel").map((kernel) => {
    const name = kernel.attribute("name") ?? "";
    const place = view.place.part(`kernel '${name}'`);
    const all = kernel.childrenNamed("argument").map((argument, position) => {
      return readArgument(place, argument, position);
    });
    const declared = kernel.attribute("num_args");
    if (declared !== undefined && declared !== `${all.length}`) {
      throw place.refusal(`num_args="${declared}", expected ${all.length} as are listed`);
    }
    return { name, arguments: all };
  });
}

function readArgument(place: Place, argument: XmlElement, position: number): AocxArgument {
  const index = argument.attribute("index");
  if (index !== `${position}`) {
    throw place.refusal(`an argument with index="${index ?? ""}", expected ${position}`);
  }
  const space = Number(argument.attribute("opencl_access_type") ?? Number.NaN);
  if (!Number.isInteger(space) || space < 0 || space > LAST_ADDRESS_SPACE) {
    throw place.refusal(`opencl_access_type of argument ${position}, expected 0 to 3`);
  }
  const name = argument.attribute("name") ?? "";
  const kind = space === 0 ? "scalar" : space === LOCAL ? "other" : "buffer";
  return {
    index: position,
    name,
    kind,
    type: argument.attribute("type_name") ?? "",
    hidden: isHidden(name),
  };
}

/**
 * Both descriptions of an image name the same kernels with as many arguments.
 * @throws BackendError `artifact` naming the first difference
 */
export function checkSameKernels(
  place: Place,
  discovered: readonly AocxKernel[],
  described: readonly AocxKernel[],
): void {
  const counts = new Map(described.map((kernel) => [kernel.name, kernel.arguments.length]));
  for (const kernel of discovered) {
    const count = counts.get(kernel.name);
    counts.delete(kernel.name);
    if (count === kernel.arguments.length) continue;
    throw place.refusal(
      `kernel '${kernel.name}' has ${kernel.arguments.length} arguments in .acl.autodiscovery ` +
        `and ${count ?? "none"} in .acl.kernel_arg_info.xml, expected as many`,
    );
  }
  for (const name of counts.keys()) {
    throw place.refusal(
      `kernel '${name}' is in .acl.kernel_arg_info.xml only, expected in .acl.autodiscovery, too`,
    );
  }
}
