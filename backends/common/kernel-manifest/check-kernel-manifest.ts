/**
 * Whether a manifest fits the kernels that an artifact describes. The manifest
 * says what arguments are for, the artifact says which there are: a difference
 * would be found by the board at the first request, or by nobody.
 */
import type { ArtifactManifest, KernelArgument, KernelManifest } from "../../contract.ts";
import type { Place } from "../artifact-file/place.ts";
import { checkBanks } from "./check-banks.ts";
import { type ArgumentFacts, CORRECT, type KernelFacts } from "./kernel-facts.ts";

const ROWS_BYTES = 4;

/** @throws BackendError `artifact`, one for each kind of disagreement */
export function checkKernelManifest(
  place: Place,
  manifest: ArtifactManifest,
  kernels: readonly KernelFacts[],
): void {
  const { kernel } = manifest;
  const where = place.part("manifest.json");
  if (kernel === undefined) {
    throw where.refusal("no kernel, expected one with the roles of its arguments", CORRECT);
  }
  const found = kernels.find(({ name }) => name === kernel.name);
  if (found === undefined) {
    throw where.refusal(
      `kernel '${kernel.name}', expected ${oneOf(kernels.map(({ name }) => name))}`,
      CORRECT,
    );
  }
  const inside = where.part(`kernel '${kernel.name}'`);
  checkUnits(inside, kernel, found);
  checkArguments(inside, kernel, found);
  checkTensors(inside, manifest, kernel);
  checkRows(inside, kernel);
  checkBanks(inside, kernel, found);
}

function checkUnits(place: Place, kernel: KernelManifest, found: KernelFacts): void {
  if (found.computeUnits === undefined) return;
  if (found.computeUnits.length === 0) {
    throw place.refusal("it has no compute unit in the artifact", CORRECT);
  }
  kernel.computeUnits.forEach((unit, index) => {
    if (kernel.computeUnits.indexOf(unit) !== index) {
      throw place.refusal(`compute unit '${unit}' is listed twice`, CORRECT);
    }
    if (found.computeUnits?.includes(unit) === true) return;
    const units = oneOf(found.computeUnits ?? []);
    throw place.refusal(`compute unit '${unit}', expected ${units}`, CORRECT);
  });
}

function checkArguments(place: Place, kernel: KernelManifest, found: KernelFacts): void {
  const count = found.arguments.length;
  if (kernel.arguments.length !== count) {
    throw place.refusal(
      `${kernel.arguments.length} arguments, expected ${count} as the artifact has`,
      CORRECT,
    );
  }
  const seen = new Set<number>();
  for (const argument of kernel.arguments) {
    const { index } = argument;
    const facts = found.arguments[index];
    if (facts === undefined) {
      throw place.refusal(`argument ${index}, expected 0 to ${count - 1}`, CORRECT);
    }
    if (seen.has(index)) throw place.refusal(`argument ${index} is listed twice`, CORRECT);
    seen.add(index);
    checkKind(place.part(`argument ${index} '${facts.name}'`), argument, facts);
  }
}

function checkKind(place: Place, argument: KernelArgument, facts: ArgumentFacts): void {
  const expected = argument.role === "rows" ? "scalar" : "buffer";
  if (facts.kind !== expected) {
    const isA = facts.kind === "other" ? "neither buffer nor scalar" : `a ${facts.kind}`;
    throw place.refusal(
      `role ${argument.role}, expected of a ${expected}: in the artifact it is ${isA}`,
      CORRECT,
    );
  }
  if (expected === "scalar" && facts.sizeBytes !== undefined && facts.sizeBytes !== ROWS_BYTES) {
    throw place.refusal(
      `the number of rows in ${facts.sizeBytes} bytes, expected ${ROWS_BYTES}`,
      "declare it as an unsigned 32-bit scalar in the kernel",
    );
  }
}

/** Every tensor has one argument, of its own role. */
function checkTensors(place: Place, manifest: ArtifactManifest, kernel: KernelManifest): void {
  const given = { input: manifest.inputs, output: manifest.outputs };
  for (const role of ["input", "output"] as const) {
    const names = kernel.arguments.flatMap((one) => (one.role === role ? [one.tensor] : []));
    for (const { name } of given[role]) {
      const count = names.filter((candidate) => candidate === name).length;
      if (count === 1) continue;
      throw place.refusal(`${count} arguments for ${role} '${name}', expected 1`, CORRECT);
    }
    const unknown = names.find((name) => !given[role].some((tensor) => tensor.name === name));
    if (unknown === undefined) continue;
    throw place.refusal(
      `an argument for ${role} '${unknown}', expected ${oneOf(given[role].map(({ name }) => name))}`,
      CORRECT,
    );
  }
}

/** Either the call says how many rows there are, or they are fixed. */
function checkRows(place: Place, kernel: KernelManifest): void {
  const { rowsPerCall } = kernel;
  const told = kernel.arguments.filter(({ role }) => role === "rows").length;
  if (told > 1) throw place.refusal(`${told} arguments with role rows, expected 1`, CORRECT);
  if (rowsPerCall !== undefined) {
    if (Number.isSafeInteger(rowsPerCall) && rowsPerCall >= 1) return;
    throw place.refusal(`rowsPerCall ${rowsPerCall}, expected a whole number from 1 on`, CORRECT);
  }
  if (told === 0) {
    throw place.refusal(
      "neither an argument with role rows nor rowsPerCall, expected one: the kernel works on a " +
        "fixed number of rows",
      CORRECT,
    );
  }
}

function oneOf(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => `'${name}'`);
  if (shown.length === 0) return "none, as the artifact has none";
  return `${names.length === 1 ? "" : "one of "}${shown.join(", ")}${names.length > 8 ? ", ..." : ""}`;
}
