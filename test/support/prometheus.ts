/** Prometheus' own tools, where they are installed (Debian's package `prometheus`); in CI they must be. */
import { spawnSync } from "node:child_process";

const missing = () => spawnSync("promtool", ["--version"]).error !== undefined;

/** To be shown as the reason of a skipped test; undefined: promtool is here. */
export const NO_PROMTOOL =
  process.env["CI"] === undefined && missing()
    ? "promtool is not installed (apt-get install prometheus)"
    : undefined;

export interface Told {
  /** null: it could not be started. */
  readonly status: number | null;
  readonly text: string;
}

export function promtool(args: readonly string[], input = "", cwd?: string): Told {
  const { status, stdout, stderr, error } = spawnSync("promtool", [...args], {
    ...{ input, encoding: "utf8" as const, maxBuffer: 2 ** 28 },
    ...(cwd === undefined ? {} : { cwd }),
  });
  return { status, text: `${stdout}${stderr}${error === undefined ? "" : String(error)}` };
}

/**
 * Whether promtool can read a page. It ends with 3 where it read everything and has advice on names, such as those
 * of Triton, which are not ours to change.
 */
export function readsMetrics(page: string): Told & { readonly read: boolean } {
  const told = promtool(["check", "metrics"], page);
  return { ...told, read: told.status === 0 || told.status === 3 };
}
