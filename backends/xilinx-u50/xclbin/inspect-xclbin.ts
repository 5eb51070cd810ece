/** Facts of an image, and whether its manifest and platform agree with it. */
import { Place } from "../../common/artifact-file/place.ts";
import { present } from "../../common/artifact-file/present.ts";
import { checkKernelManifest } from "../../common/kernel-manifest/check-kernel-manifest.ts";
import { manifestTensors } from "../../common/kernel-manifest/manifest-tensors.ts";
import type { Artifact, ArtifactFacts, ArtifactManifest } from "../../contract.ts";
import { kernelAndUnit } from "./ip-layout.ts";
import { banksByUnit, kernelFacts } from "./kernel-facts.ts";
import { samePlatform } from "./platform.ts";
import { readXclbin, type Xclbin } from "./read-xclbin.ts";

/** What XRT needs to find the compute units of a kernel and the banks of its buffers. */
const NEEDED = {
  ips: "IP_LAYOUT",
  banks: "MEM_TOPOLOGY",
  connections: "CONNECTIVITY",
  kernels: "EMBEDDED_METADATA",
} as const;

/** @throws BackendError `artifact` */
export async function inspectXclbin(artifact: Artifact): Promise<ArtifactFacts> {
  const place = new Place("xclbin");
  const xclbin = await readXclbin(artifact.path);
  checkImage(place, artifact, xclbin);
  const { manifest } = artifact;
  const wanted = [artifact.platform, manifest?.artifact.platform ?? ""];
  for (const platform of wanted) checkPlatform(place, platform, xclbin);
  if (manifest !== undefined) checkManifest(place, manifest, xclbin);
  return {
    // The name that was asked for, where it stands for the same platform: devices are found by it.
    platform: wanted.find((platform) => !anyPlatform(platform)) ?? xclbin.platform,
    ...(manifest === undefined ? {} : manifestTensors(manifest)),
    details: details(xclbin),
  };
}

function checkImage(place: Place, { format }: Artifact, xclbin: Xclbin): void {
  const holdsImage = xclbin.sections.some(
    ({ name, sizeBytes }) => (name === "BITSTREAM" || name === "PDI") && sizeBytes > 0,
  );
  if (!holdsImage) {
    throw place.refusal(
      "no BITSTREAM section, expected the image of the card",
      "register the file that v++ --link (or --package) made",
    );
  }
  if (format === "awsxclbin" && xclbin.afi === undefined) {
    throw place.refusal(
      "section BITSTREAM holds no AFI id, expected one such as agfi-0123456789abcdef0",
      "register it as xclbin, or run it through create_vitis_afi.sh of AWS",
    );
  }
}

function checkPlatform(place: Place, wanted: string, { platform }: Xclbin): void {
  if (anyPlatform(wanted) || samePlatform(wanted, platform)) return;
  throw place.refusal(
    `linked for platform '${platform}', expected '${wanted}'`,
    "link it for that platform (v++ --platform), or name the platform it was linked for",
  );
}

const anyPlatform = (platform: string) => platform === "" || platform === "any";

function checkManifest(place: Place, manifest: ArtifactManifest, xclbin: Xclbin): void {
  for (const [key, section] of Object.entries(NEEDED)) {
    if (xclbin[key as keyof typeof NEEDED] !== undefined) continue;
    throw place.refusal(
      `no ${section} section, without which XRT finds no compute units or banks`,
      "link the kernel with v++ of Vitis 2020.1 or later",
    );
  }
  checkKernelManifest(place, manifest, kernelFacts(xclbin));
}

function details(xclbin: Xclbin): Readonly<Record<string, unknown>> {
  const { sections, banks, ips, connections, ...rest } = xclbin;
  return {
    container: xclbin.afi === undefined ? "xclbin" : "awsxclbin",
    ...rest,
    ...(banks === undefined ? {} : { banks: banks.map((bank, index) => ({ index, ...bank })) }),
    ...(ips === undefined ? {} : { computeUnits: units(xclbin) }),
    sections: sections.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
  };
}

/** Each unit with the banks of its arguments: `{ name, baseAddress, banks: { in: [0] } }`. */
function units(xclbin: Xclbin) {
  const { ips = [], kernels = [] } = xclbin;
  const wired = banksByUnit(xclbin);
  const kernelNamed = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  return ips
    .filter(({ isKernel }) => isKernel)
    .map(({ name, baseAddress }) => {
      const { arguments: all = [] } = kernelNamed.get(kernelAndUnit(name)[0]) ?? {};
      const banks = [...(wired.get(name) ?? [])].map(([argument, of]) => [
        all[argument]?.name ?? `${argument}`,
        of,
      ]);
      return { name, ...present({ baseAddress }), banks: Object.fromEntries(banks) };
    });
}
