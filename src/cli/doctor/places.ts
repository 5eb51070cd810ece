/** What the configuration names: ports to listen on, folders to read models from. */
import { constants } from "node:fs";
import { access, readdir, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { type Finding, fail, ok, warn } from "./finding.ts";

export interface Listener {
  readonly enabled: boolean;
  readonly address: string;
  readonly port: number;
}

export async function checkPort(name: string, listener: Listener): Promise<Finding> {
  const { enabled, address, port } = listener;
  const check = `${name} ${address}:${port}`;
  if (!enabled) return ok(check, "switched off");
  const code = await tryToListen(address, port);
  switch (code) {
    case undefined:
      return ok(check, "free");
    case "EADDRINUSE":
      return fail(check, "Address already in use", `stop what listens there, or set ${name}.port`);
    case "EACCES":
      return fail(check, "not allowed", `set ${name}.port to 1024 or more`);
    default:
      return fail(check, code, `set ${name}.address to an address of this machine`);
  }
}

/** @returns the error's code; undefined where it worked. */
function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

export async function checkRoot(root: string): Promise<Finding> {
  const check = `repository ${root}`;
  try {
    const entries = await readdir(root, { withFileTypes: true });
    const models = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
    const closed: string[] = [];
    for (const { name } of models) {
      const open = await access(`${root}/${name}`, constants.R_OK | constants.X_OK).then(
        () => true,
        () => false,
      );
      if (!open) closed.push(name);
    }
    if (closed.length > 0) {
      const remedy = "let the user that runs the server read them (chmod -R a+rX)";
      return warn(check, `cannot read ${closed.slice(0, 5).join(", ")}`, remedy);
    }
    if (models.length === 0) {
      return warn(check, "no models", "add <model>/<version>/model.onnx, or name another folder");
    }
    return ok(check, `${models.length} folders`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(check, reason, "name an existing, readable folder with --model-repository");
  }
}

/**
 * A folder that the gateway writes into, and makes where it is not there.
 * @param key of the configuration. @param folder undefined: not configured
 */
export async function checkWritable(key: string, folder: string | undefined): Promise<Finding> {
  if (folder === undefined) return ok(key, "not configured");
  const check = `${key} ${folder}`;
  const remedy = "let the user that runs the server write there, or name another folder";
  try {
    const there = await stat(folder).catch(() => undefined);
    if (there !== undefined && !there.isDirectory()) return fail(check, "not a folder", remedy);
    await access(there === undefined ? dirname(folder) : folder, constants.W_OK | constants.X_OK);
    return ok(check, there === undefined ? "made at the start" : "may be written");
  } catch (error) {
    return fail(check, error instanceof Error ? error.message : String(error), remedy);
  }
}
