/**
 * `blob-put.js put FILE FOLDER` keeps the file in a new store, `blob-put.js upload FILE FOLDER DIGEST` as an upload of
 * several pieces.
 * Prints seconds, and by how much the peak of memory grew meanwhile.
 */
import { createReadStream, statSync } from "node:fs";
import { argv } from "node:process";
import { openFileStore } from "../../../src/store/files/file-store.ts";
import { print } from "./print.ts";

const [, , how, file = "", folder = "", digest = ""] = argv;
/** As the pieces in which a socket delivers. */
const READ_BYTES = 64 * 1024;
const PIECE_BYTES = 64 * 2 ** 20;

const store = await openFileStore(folder);
const { size } = statSync(file);
const before = process.resourceUsage().maxRSS;
const begin = performance.now();
if (how === "put") {
  await store.blobs.put(read(0, size), { maxBytes: size });
} else {
  const upload = await store.blobs.openUpload(digest);
  for (let at = 0; at < size; at = upload.receivedBytes) {
    await upload.append(at, read(at, Math.min(size, at + PIECE_BYTES)), size);
  }
  await upload.finish();
}
const seconds = (performance.now() - begin) / 1000;
print({ seconds, grownMb: (process.resourceUsage().maxRSS - before) / 1024 });
await store.close();

function read(begin: number, end: number): AsyncIterable<Uint8Array> {
  return createReadStream(file, { start: begin, end: end - 1, highWaterMark: READ_BYTES });
}
