import { lstat, open } from "node:fs/promises";
import { staysInside } from "../../paths.ts";
import { type Check, type CheckContext, failed, type Outcome, passed, skipped } from "../check.ts";
import { refused } from "../refusal.ts";
import { withWorkFolder } from "../work-folder.ts";

const MODEL_FILE = "model.onnx";
const EXPORT = "export the model with standard operators";

/** Files beside the artifact are those that were given, inside its folder, and none of them is code. */
export const externalDataCheck: Check = {
  name: "external-data",
  needs: ["container"],
  async run(context) {
    const { candidate, found } = context;
    for (const [path, lies] of candidate.files) {
      const problem = await problemOfFile(path, lies);
      if (problem !== undefined) return problem;
    }
    if (found.format !== "onnx") return skipped("the artifact is one file");
    const details = found.facts?.details ?? {};
    const [custom] = texts(details["customOperators"]);
    if (custom !== undefined) {
      return failed(
        `operator ${custom} is none of ONNX Runtime's: it would need a library of operators, which runs as code ` +
          "of the server",
        EXPORT,
      );
    }
    const locations = texts(details["externalData"]);
    if (locations.length === 0) return passed("the model is in one file");
    for (const location of locations) {
      const problem = problemOfLocation(location);
      if (problem !== undefined) return failed(`external data at '${location}' ${problem}`, INSIDE);
    }
    const absent = locations.find((location) => givenAs(context, location) === undefined);
    if (absent !== undefined) {
      if (!candidate.whole) return skipped(`external data '${absent}' was not given`);
      return failed(`external data '${absent}' was not given`, `give the file along, as ${absent}`);
    }
    return readTogether(context, locations);
  },
};

const INSIDE = "save the model with its data in a file beside it (a plain, relative path)";

function problemOfLocation(location: string): string | undefined {
  return staysInside(location) ? undefined : "leads out of the model's folder";
}

/** Where a file lies that the graph calls `location`: in the version's folder, or given by that name alone. */
export function givenAs(
  { candidate: { files, version } }: Pick<CheckContext, "candidate">,
  location: string,
): string | undefined {
  return files.get(`${version ?? "1"}/${location}`) ?? files.get(location);
}

async function readTogether(context: CheckContext, locations: readonly string[]): Promise<Outcome> {
  const { candidate, checkers, found } = context;
  const module =
    checkers.modules.find(({ kind }) => kind === found.formatRule?.backend) ??
    checkers.modules.find(({ formats }) => "onnx" in formats);
  if (module === undefined) return skipped("no backend of this gateway reads ONNX files");
  const links = locations.map((location) => [location, givenAs(context, location) ?? ""] as const);
  try {
    await withWorkFolder(checkers.workFolder, [[MODEL_FILE, candidate.path], ...links], (folder) =>
      module.inspect({
        digest: "",
        path: `${folder}/${MODEL_FILE}`,
        format: "onnx",
        platform: "any",
      }),
    );
  } catch (thrown) {
    return refused(thrown, candidate, "give all files of the model, as the exporter wrote them");
  }
  return passed(`${locations.length} files beside the model, all given`);
}

async function problemOfFile(path: string, lies: string): Promise<Outcome | undefined> {
  if (!staysInside(path)) {
    return failed(
      `file '${path}' leads out of the model's folder`,
      "give relative paths inside it",
    );
  }
  const facts = await lstat(lies).catch(() => undefined);
  if (facts?.isFile() !== true) {
    const what = facts?.isSymbolicLink() === true ? "is a link" : "is no file that can be read";
    return failed(`file '${path}' ${what}`, "give the file itself");
  }
  if (!LIBRARY.test(path) && !(await isNativeCode(lies))) return undefined;
  return failed(
    `file '${path}' is a library: a library of operators runs as code of the server`,
    `leave it out: ${EXPORT}`,
  );
}

const LIBRARY = /\.(so(\.\d+)*|dll|dylib|node|py|pyc)$/i;
/** ELF, Mach-O, Windows. */
const CODE = ["7f454c46", "feedface", "feedfacf", "cffaedfe", "cafebabe"];

async function isNativeCode(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(4);
    await file.read(head, 0, 4, 0);
    return CODE.includes(head.toString("hex"));
  } finally {
    await file.close();
  }
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
