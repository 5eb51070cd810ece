import type { ArtifactFacts } from "../../../../backends/contract.ts";
import { type Check, type CheckContext, failed, passed } from "../check.ts";
import { readBytes, readerOf } from "../read-bytes.ts";
import { recognise } from "../recognise.ts";
import { refused } from "../refusal.ts";

const DAMAGED = "the file is damaged or truncated: copy it again, or build it again";

/** The bytes are what they claim to be: the reader of their format finds its way through them. */
export const containerCheck: Check = {
  name: "container",
  needs: ["size", "digest"],
  async run(context) {
    const { candidate, checkers, found } = context;
    const recognised = await recognise(candidate.path);
    if ("what" in recognised) return unknown(context, recognised.what);
    const asked = recognised.format;
    if (readerOf(checkers.readers, asked) === undefined)
      return unknown(context, `a file of format ${asked}`);
    let facts: ArtifactFacts;
    try {
      facts = await readBytes(context, { format: asked });
    } catch (thrown) {
      return refused(thrown, candidate, DAMAGED);
    }
    const format = exactFormat(asked, facts);
    const stated = found.manifest?.artifact.format;
    if (stated !== undefined && stated !== format) {
      return failed(
        `the bytes are ${format}, the manifest says ${stated}`,
        "correct the format in manifest.json, or hand in the file it was written for",
      );
    }
    found.format = format;
    found.facts = facts;
    return passed(`${format}, ${candidate.sizeBytes} bytes${endingNote(context, format)}`);
  },
};

function unknown({ candidate, checkers }: CheckContext, what: string) {
  const formats = new Set(
    Object.values(checkers.rules).flatMap(({ formats }) => Object.keys(formats)),
  );
  return failed(
    `${candidate.file} is ${what}, expected one of ${[...formats].join(", ")}`,
    "hand in the file that the compiler made, whole and unpacked",
  );
}

/** One family of containers holds several formats. */
function exactFormat(asked: string, { details = {} }: ArtifactFacts): string {
  if (asked === "xclbin" && details["container"] === "awsxclbin") return "awsxclbin";
  if (asked === "aocr" && details["stage"] !== "linked") return "aocx";
  return asked;
}

function endingNote({ candidate: { file }, checkers }: CheckContext, format: string): string {
  const endings = Object.values(checkers.rules).flatMap(
    ({ formats }) => formats[format]?.endings ?? [],
  );
  if (endings.length === 0 || endings.some((ending) => file.endsWith(ending))) return "";
  return `; its name, ${file}, does not say so`;
}
