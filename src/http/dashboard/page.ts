/** The files of the page, read once: small enough to be kept packed, and named by what is in them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { packageRoot } from "../../package-root.ts";

export interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly brotli: Buffer;
}

const SOURCES = join(packageRoot, "src", "http", "dashboard", "app");
const BUILT = join(packageRoot, "dist", "src", "http", "dashboard", "app");
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** By name. The scripts are there once `npm run build` or a start has built them. */
export function readPage(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  const add = (name: string, path: string) => files.set(name, packed(name, readFileSync(path)));
  for (const name of ["index.html", "style.css", "mark.svg"]) add(name, join(SOURCES, name));
  for (const name of scriptsIn(BUILT)) add(name, join(BUILT, name));
  const { resolve } = createRequire(import.meta.url);
  add("uplot.js", resolve("uplot/dist/uPlot.iife.min.js"));
  add("uplot.css", resolve("uplot/dist/uPlot.min.css"));
  return files;
}

function scriptsIn(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return all.filter((name) => name.endsWith(".js"));
}

function packed(name: string, plain: Buffer): PageFile {
  const ending = name.slice(name.lastIndexOf(".") + 1);
  return {
    type: TYPES[ending] ?? "application/octet-stream",
    etag: `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`,
    plain,
    gzip: gzipSync(plain),
    brotli: brotliCompressSync(plain),
  };
}
