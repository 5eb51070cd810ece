/** Makes XRT in this process see emulated boards. Before XRT is loaded, and for the life of the process. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BackendError } from "../../contract.ts";
import { type BoardSettings, settingsFile } from "../board/settings.ts";
import { U50_PLATFORM } from "../platform.ts";
import { EMULATION_LIBRARY, OPENCL_LIBRARY, requireEmulation } from "../xrt/libraries.ts";
import { privateFolder, removeFolder } from "../xrt/private-folder.ts";
import { writeVendors } from "../xrt/vendors.ts";
import { emconfig } from "./emconfig.ts";
import { mendLibrary } from "./mended-library.ts";

export interface Emulation {
  /** Holds everything that the boards and XRT write. */
  readonly folder: string;
  readonly boards: number;
  /** Whether XRT's emulation library had to be mended. */
  readonly mended: boolean;
  /** Removes the folder, once everybody who started the emulation has closed it and no image is loaded. */
  close(): void;
}

/** Where XRT 2.13 looks, below XILINX_VITIS, for the device process of software emulation. */
const DEVICE_PROCESS = "data/emulation/unified/cpu_em/generic_pcie/model/genericpciemodel";

/**
 * No banners. The software scheduler instead of the one that goes by the driver: under emulation
 * the latter spins on a processor as long as a kernel runs. A pause (µs) between two looks at a
 * kernel that is not done.
 */
const XRT_INI = "[Runtime]\nruntime_log=null\nkds=false\npolling_throttle=50\n";

/** XRT remembers what it was told first, so there is one for the life of the process. */
let told: { readonly folder: string; readonly boards: number } | undefined;
let mended = false;
let users = 0;

/**
 * A second call changes what the boards started from now on are told, and must ask for as many boards.
 * @throws BackendError `device` where XRT is not installed.
 */
export function startEmulation(boards: number, settings: BoardSettings): Emulation {
  const libraries = requireEmulation();
  told ??= { folder: privateFolder(), boards };
  const { folder } = told;
  if (told.boards !== boards) {
    throw new BackendError(
      "device",
      `emulated U50: this process has ${told.boards} boards and cannot have ${boards}; start another worker`,
    );
  }
  if (users === 0) mended = fill(folder, boards, libraries);
  users += 1;
  writeFileSync(settingsFile(folder), JSON.stringify(settings));
  return { folder, boards, mended, close };
}

function close(): void {
  users -= 1;
  if (users === 0 && told !== undefined) removeFolder(told.folder);
}

/** @returns whether XRT's emulation library had to be mended. */
function fill(folder: string, boards: number, libraries: string): boolean {
  const inFolder = (...names: string[]) => join(folder, ...names);
  const model = inFolder("vitis", DEVICE_PROCESS);
  for (const name of ["xrt/lib", "run", "vendors"]) mkdirSync(inFolder(name), { recursive: true });
  mkdirSync(dirname(model), { recursive: true });

  const changed = mendLibrary(
    join(libraries, EMULATION_LIBRARY),
    inFolder("xrt/lib", EMULATION_LIBRARY),
  );
  linkOthers(libraries, inFolder("xrt/lib"));
  writeVendors(inFolder("vendors"), join(libraries, OPENCL_LIBRARY));
  writeFileSync(inFolder("emconfig.json"), emconfig(U50_PLATFORM, boards));
  writeFileSync(inFolder("xrt.ini"), XRT_INI);
  writeFileSync(model, launcher(folder), { mode: 0o755 });

  Object.assign(process.env, {
    XCL_EMULATION_MODE: "sw_emu",
    XILINX_XRT: inFolder("xrt"),
    XILINX_VITIS: inFolder("vitis"),
    EMCONFIG_PATH: folder,
    SDACCEL_EM_RUN_DIR: inFolder("run"),
    XRT_INI_PATH: inFolder("xrt.ini"),
    OCL_ICD_VENDORS: inFolder("vendors"),
    // XRT puts its sockets into /tmp/$USER.
    USER: basename(folder),
  });
  return changed;
}

/** All but the one that was copied. */
function linkOthers(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    if (!/^(lib(xrt|xilinx|xdp|xma|sched_em)|xrt$)/.test(name)) continue;
    if (!existsSync(join(to, name))) symlinkSync(join(from, name), join(to, name));
  }
}

/** What XRT starts. Flags and preloads meant for this process are not for the board. */
function launcher(folder: string): string {
  const words = [process.execPath, "--no-warnings", boardProgram(), folder];
  return `#!/bin/sh\nunset NODE_OPTIONS LD_PRELOAD\nexec ${words.map(quoted).join(" ")}\n`;
}

/** Node 20 runs built files only; beside sources, those of the last build. */
function boardProgram(): string {
  const beside = fileURLToPath(new URL("../board/main.js", import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL("../../../dist/backends/xilinx-u50/board/main.js", import.meta.url));
}

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
