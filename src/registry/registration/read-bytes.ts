/** The candidate's bytes through the reader of their format. */
import type {
  ArtifactFacts,
  ArtifactManifest,
  ArtifactReader,
} from "../../../backends/contract.ts";
import { StatusError } from "../../errors.ts";
import { readBundle } from "./bundle.ts";
import type { CheckContext } from "./check.ts";

const BUNDLE_READER: ArtifactReader = { formats: ["bundle"], read: readBundle };

export function readerOf(
  readers: readonly ArtifactReader[],
  format: string,
): ArtifactReader | undefined {
  return [...readers, BUNDLE_READER].find(({ formats }) => formats.includes(format));
}

/**
 * @param asked what the bytes have to agree with; nothing: they only have to be sound
 * @throws BackendError, StatusError
 */
export function readBytes(
  { candidate, checkers, found }: CheckContext,
  asked: {
    readonly format?: string;
    readonly platform?: string;
    readonly manifest?: ArtifactManifest;
  },
): Promise<ArtifactFacts> {
  const { format = found.format ?? "", platform = "any", manifest } = asked;
  const reader = readerOf(checkers.readers, format);
  if (reader === undefined) {
    throw new StatusError("INTERNAL", `nothing here reads the format '${format}'`);
  }
  const artifact = { digest: "", path: candidate.path, format, platform };
  return reader.read(manifest === undefined ? artifact : { ...artifact, manifest });
}
