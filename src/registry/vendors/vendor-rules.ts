/** What the registry of each vendor takes, what runs it here, and what it asks of it. */
import type { Vendor } from "../catalog/types.ts";
import { type ToolRule, toolRules } from "./tool-rules.ts";

export interface FormatRule {
  /** Kind of the backend that executes it; absent: it is kept and checked, and nothing here runs it. */
  readonly backend?: string;
  /** Why nothing does. */
  readonly keptBecause?: string;
  /** Of files that people hand in; the first is the usual one. */
  readonly endings: readonly string[];
  /** True where a manifest has to say what kernels and tensors are. */
  readonly needsManifest: boolean;
}

export interface VendorRule {
  readonly vendor: Vendor;
  readonly formats: Readonly<Record<string, FormatRule>>;
  /** Platform of an artifact that names none. */
  readonly defaultPlatform: string;
  /** Words of Node (`process.arch`) for the hosts that run it; absent: any. */
  readonly architecture?: string;
  /** True where an artifact is for one kind of board, and a board holds one at a time. */
  readonly boards: boolean;
  /** True where only devices of this vendor run it; absent: the CPU of the gateway does. */
  readonly ownDevices: boolean;
  /** What boards of the platform are called where nobody knows the boards; absent: anything. */
  readonly platformPattern?: { readonly pattern: RegExp; readonly formats: readonly string[] };
  readonly tools: readonly ToolRule[];
  readonly requireSignature: boolean;
  /** Retired versions of a model that are kept. */
  readonly keepRetired: number;
}

export interface VendorSettings {
  /** Vendors whose artifacts are refused without a signature. */
  readonly requireSignature?: readonly Vendor[];
  readonly keepRetired?: number;
  /** In place of those of the build, by vendor. */
  readonly tools?: Partial<Readonly<Record<Vendor, readonly ToolRule[]>>>;
}

export type VendorRules = Readonly<Record<Vendor, VendorRule>>;

type OwnRules = Omit<VendorRule, "vendor" | "tools" | "requireSignature" | "keepRetired">;

const BUNDLE: FormatRule = {
  endings: [".zip"],
  needsManifest: false,
  keptBecause: "a bundle of several files is kept as it is: no backend unpacks it",
};

const onnx = (backend: string): Readonly<Record<string, FormatRule>> => ({
  onnx: { backend, endings: [".onnx"], needsManifest: false },
});

const RULES: Readonly<Record<Vendor, OwnRules>> = {
  xilinx: {
    formats: {
      xclbin: { backend: "xilinx-u50", endings: [".xclbin"], needsManifest: true },
      awsxclbin: {
        endings: [".awsxclbin"],
        needsManifest: false,
        keptBecause: "it names an image of AWS F1, which is loaded there and fits no U50",
      },
      xmodel: {
        endings: [".xmodel"],
        needsManifest: false,
        keptBecause:
          "it needs an image with its DPU, and the VART runtime, which is not part of this gateway",
      },
      bundle: BUNDLE,
    },
    defaultPlatform: "xilinx_u50_gen3x16_xdma_base_5",
    boards: true,
    ownDevices: true,
    platformPattern: { pattern: /^xilinx_u50_/i, formats: ["xclbin"] },
  },
  intel: {
    formats: {
      aocx: { backend: "intel-fpga", endings: [".aocx"], needsManifest: true },
      cl: { backend: "intel-fpga", endings: [".cl"], needsManifest: true },
      aocr: {
        endings: [".aocr"],
        needsManifest: false,
        keptBecause: "it was linked, but has no image of the FPGA yet (aoc finishes it to an aocx)",
      },
      gbs: {
        endings: [".gbs"],
        needsManifest: false,
        keptBecause: "OPAE programs it, and what its accelerator takes nobody but its author knows",
      },
      bundle: BUNDLE,
    },
    defaultPlatform: "pocl",
    boards: true,
    ownDevices: true,
  },
  nvidia: { formats: onnx("gpu"), defaultPlatform: "any", boards: false, ownDevices: true },
  arm: {
    formats: onnx("arm-cpu"),
    defaultPlatform: "any",
    architecture: "arm64",
    boards: false,
    ownDevices: false,
  },
  cpu: { formats: onnx("arm-cpu"), defaultPlatform: "any", boards: false, ownDevices: false },
};

export function vendorRules(settings: VendorSettings = {}): VendorRules {
  const { requireSignature = [], keepRetired = 10, tools = {} } = settings;
  const entries = Object.entries(RULES) as [Vendor, OwnRules][];
  const rules = entries.map(([vendor, rule]) => [
    vendor,
    {
      ...rule,
      vendor,
      tools: tools[vendor] ?? toolRules(vendor),
      requireSignature: requireSignature.includes(vendor),
      keepRetired,
    },
  ]);
  return Object.fromEntries(rules) as VendorRules;
}

/** The vendors whose registry takes a format. */
export function takersOf(rules: VendorRules, format: string): readonly Vendor[] {
  return Object.values(rules).flatMap((rule) =>
    Object.hasOwn(rule.formats, format) ? [rule.vendor] : [],
  );
}
