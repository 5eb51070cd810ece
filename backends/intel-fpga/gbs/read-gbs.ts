/**
 * Reads a "green bitstream" of Intel's programmable acceleration cards (OPAE):
 * a GUID, the length of a JSON text, the text, and the image behind it.
 */
import { type ArtifactFile, withArtifactFile } from "../../common/artifact-file/artifact-file.ts";
import { type Json, parseJson } from "../../common/artifact-file/json.ts";
import type { Place } from "../../common/artifact-file/place.ts";
import { present } from "../../common/artifact-file/present.ts";

/** "XeonFPGA\xb7GBSv001" */
const GUID = "58656f6e46504741b747425376303031";
const HEAD_BYTES = 20;
const MAX_JSON_BYTES = 256 * 1024;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Fixed by OPAE's packager. */
const MAGIC_NUMBER = 488_605_312;

/** An accelerator in the image. */
export interface Accelerator {
  readonly name?: string;
  /** By which software finds it: the AFU id. */
  readonly uuid: string;
  readonly contexts?: number;
}

export interface Gbs {
  /** Of the shell's interface; equals the card's `pr/interface_id`, or the image does not fit. */
  readonly interfaceUuid: string;
  readonly accelerators: readonly Accelerator[];
  /** Name of the platform, where the packager wrote one. */
  readonly platform?: string;
  /** User clocks in MHz. */
  readonly clocksMhz?: Readonly<Record<string, number>>;
  /** Watts the image claims; 0 where nobody estimated. */
  readonly powerWatts?: number;
  /** Length of what follows the JSON. */
  readonly imageBytes: number;
}

/** @throws BackendError `artifact` */
export function readGbs(path: string): Promise<Gbs> {
  return withArtifactFile(path, "gbs", readGbsFile);
}

/** Of a part, the end may be unknown: a packed image is read no further than its JSON. */
export async function readGbsFile(file: ArtifactFile): Promise<Gbs> {
  const guid = await file.read(0, Math.min(HEAD_BYTES, file.sizeBytes), "header");
  if (guid.bytes.toString("hex", 0, 16) !== GUID) {
    throw file.place.refusal(
      "it does not begin with the GUID of a green bitstream",
      "name a .gbs file made by packager (OPAE) or aoc",
    );
  }
  const head = await file.read(0, HEAD_BYTES, "header");
  const part = file.part(HEAD_BYTES, head.u32(16), "metadata at byte 20");
  const metadata = parseJson(await part.readAll(MAX_JSON_BYTES));
  return describe(part.place, metadata, file.sizeBytes - HEAD_BYTES - part.sizeBytes);
}

function describe(place: Place, metadata: Json, imageBytes: number): Gbs {
  const image = metadata.at("afu-image");
  if (!image.isObject) throw place.refusal("no object afu-image");
  const magic = image.at("magic-no").number;
  if (magic !== undefined && magic !== MAGIC_NUMBER) {
    throw place.refusal(`magic-no ${magic}, expected ${MAGIC_NUMBER}`);
  }
  if (imageBytes === 0) throw place.refusal("no image follows the metadata");
  return {
    interfaceUuid: uuidOf(place, "interface-uuid", image.at("interface-uuid")),
    accelerators: accelerators(place, image),
    imageBytes,
    ...present({
      platform: metadata.at("platform-name").text,
      clocksMhz: clocks(image),
      powerWatts: image.at("power").number,
    }),
  };
}

function accelerators(place: Place, image: Json): Accelerator[] {
  const clusters = image.at("accelerator-clusters").items;
  if (clusters.length === 0) throw place.refusal("no accelerator-clusters, expected one");
  return clusters.map((cluster) => ({
    uuid: uuidOf(place, "accelerator-type-uuid", cluster.at("accelerator-type-uuid")),
    ...present({ name: cluster.at("name").text, contexts: cluster.at("total-contexts").number }),
  }));
}

function uuidOf(place: Place, key: string, value: Json): string {
  const { text = "" } = value;
  if (UUID.test(text)) return text.toLowerCase();
  throw place.refusal(`${key} '${text}', expected a UUID`);
}

/** `clock-frequency-high` and `-low`, where they are numbers and not `auto`. */
function clocks(image: Json): Record<string, number> | undefined {
  const found = present({
    high: image.at("clock-frequency-high").number,
    low: image.at("clock-frequency-low").number,
  });
  return Object.keys(found).length === 0 ? undefined : (found as Record<string, number>);
}
