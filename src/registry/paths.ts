/** Paths that a configuration names must stay inside the model's folder. */
import { posix } from "node:path";
import { StatusError } from "../errors.ts";

/** True for a relative path without a step upwards that leaves its start. */
export function staysInside(path: string): boolean {
  if (path.includes("\0") || path.includes("\\") || posix.isAbsolute(path)) return false;
  const plain = posix.normalize(path);
  return plain !== ".." && plain !== "." && !plain.startsWith("../");
}

/** @throws StatusError INVALID_ARGUMENT naming the field */
export function checkInsideFolder(path: string | undefined, field: string, model: string): void {
  if (path === undefined || path === "" || staysInside(path)) return;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `${field} '${path}' of model '${model}' must be a relative path that stays inside the model's folder`,
  );
}

/**
 * Refuses names that would leave the repository. Text as Triton's.
 * @throws StatusError INVALID_ARGUMENT
 */
export function checkModelName(name: string): void {
  if (name.trim() === "") {
    throw new StatusError(
      "INVALID_ARGUMENT",
      "Model name cannot be empty. Please enter a valid name to deploy.",
    );
  }
  if (/[/\\\0]/.test(name) || name.trim() === ".." || name.trim() === ".") {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `invalid model name '${name}', model name must not contain path traversal characters`,
    );
  }
}
