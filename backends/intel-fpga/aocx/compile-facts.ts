/** What an aocx file tells of how it was made. */

import { clean } from "../../common/artifact-file/byte-view.ts";
import { present } from "../../common/artifact-file/present.ts";
import type { ElfSections } from "../../common/elf/elf-sections.ts";
import { parseXml } from "../../common/xml/parse-xml.ts";

const MAX_TEXT_BYTES = 1024 * 1024;
/** Lines of `.acl.compilation_env` worth showing; others are paths on the machine of the builder. */
const ENVIRONMENT = {
  TARGET_MODEL: "targetModel",
  OPERATING_SYSTEM: "operatingSystem",
  QUARTUS_VERSION: "quartusVersion",
  BUILD_NUMBER: "build",
} as const;
/** Lines of the report of Quartus: clocks in MHz. */
const CLOCKS = {
  "Actual clock freq": "actual",
  "Kernel fmax": "kernelMax",
  "1x clock fmax": "max1x",
  "2x clock fmax": "max2x",
} as const;

export interface CompileFacts {
  readonly targetModel?: string;
  readonly operatingSystem?: string;
  readonly quartusVersion?: string;
  readonly build?: string;
  readonly options?: string;
  /** After timing closure, so only of a file with an image. */
  readonly clocksMhz?: Readonly<Record<string, number>>;
  /** Of the FPGA, from the specification of the board. */
  readonly deviceModel?: string;
}

/** @throws BackendError `artifact` where a section is too long, or its XML is broken */
export async function readCompileFacts(elf: ElfSections): Promise<CompileFacts> {
  const environment = lines(await elf.text(".acl.compilation_env", MAX_TEXT_BYTES), "=");
  const clocks = lines(await elf.text(".acl.quartus_report", MAX_TEXT_BYTES), ":");
  const options = await elf.text(".acl.compileoptions", MAX_TEXT_BYTES);
  const board = await elf.view(".acl.board_spec.xml", MAX_TEXT_BYTES);
  const named = (pairs: Readonly<Record<string, string>>, from: ReadonlyMap<string, string>) =>
    Object.entries(pairs).flatMap(([key, name]) => {
      const value = from.get(key);
      return value === undefined ? [] : [[name, value] as const];
    });
  const clocksMhz = named(CLOCKS, clocks)
    .map(([name, value]) => [name, Number.parseFloat(value)] as const)
    .filter(([, mhz]) => Number.isFinite(mhz));
  return {
    ...Object.fromEntries(named(ENVIRONMENT, environment)),
    ...present({
      options: options === undefined ? undefined : clean(options),
      clocksMhz: clocksMhz.length === 0 ? undefined : Object.fromEntries(clocksMhz),
      deviceModel:
        board === undefined
          ? undefined
          : parseXml(board.text(), board.place).child("device")?.attribute("device_model"),
    }),
  };
}

/** `key=value` lines; empty values are left out. */
function lines(text: string | undefined, separator: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const line of text?.split("\n") ?? []) {
    const at = line.indexOf(separator);
    const value = clean(line.slice(at + 1)).trim();
    if (at > 0 && value !== "") pairs.set(line.slice(0, at).trim(), value);
  }
  return pairs;
}
