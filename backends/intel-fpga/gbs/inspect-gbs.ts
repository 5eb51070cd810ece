/** Facts of a green bitstream, and whether it fits the platform it is registered for. */
import { Place } from "../../common/artifact-file/place.ts";
import { CORRECT } from "../../common/kernel-manifest/kernel-facts.ts";
import { manifestTensors } from "../../common/kernel-manifest/manifest-tensors.ts";
import type { Artifact, ArtifactFacts } from "../../contract.ts";
import { readGbs } from "./read-gbs.ts";

/**
 * The platform is the UUID of the shell's interface, by which cards are told
 * apart, or the packager's name of it.
 * @throws BackendError `artifact`
 */
export async function inspectGbs(artifact: Artifact): Promise<ArtifactFacts> {
  const place = new Place("gbs");
  const gbs = await readGbs(artifact.path);
  const { manifest } = artifact;
  const wanted = [artifact.platform, manifest?.artifact.platform ?? ""].filter(
    (platform) => platform !== "" && platform !== "any",
  );
  for (const platform of wanted) {
    if (platform.toLowerCase() === gbs.interfaceUuid || platform === gbs.platform) continue;
    throw place.refusal(
      `made for interface ${gbs.interfaceUuid} of platform '${gbs.platform ?? ""}', expected ` +
        `'${platform}'`,
      "build it for the card's interface (fpgainfo port shows its Pr Interface Id)",
    );
  }
  if (manifest?.kernel !== undefined) {
    throw place
      .part("manifest.json")
      .refusal("a kernel, expected none: a green bitstream describes no OpenCL kernels", CORRECT);
  }
  return {
    platform: wanted[0] ?? gbs.interfaceUuid,
    ...(manifest === undefined ? {} : manifestTensors(manifest)),
    details: { ...gbs },
  };
}
