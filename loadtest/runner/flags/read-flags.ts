/** Words of the command line to values; every mistake names its flag. */
import { readFileSync } from "node:fs";
import type { Parameter, Parameters } from "../../../src/inference/request.ts";
import type { DriverName } from "../../drivers/driver.ts";
import type { Header } from "../../drivers/raw-http2/hpack.ts";
import { HIDDEN } from "../../scenario/tenant-identity.ts";
import type { AskedTls } from "../target.ts";
import type { Flags } from "./flags.ts";

/** A flag or a scenario that says nothing sensible. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** `a`, `a:b` or `a:b:step`, all included. */
export function readRange(flag: string, text: string): number[] {
  const numbers = text.split(":").map(Number);
  const [first = Number.NaN, last = first, step = 1] = numbers;
  const good = numbers.length <= 3 && first > 0 && last >= first && step > 0;
  if (!good) throw new UsageError(`${flag} ${text}: expected START:END:STEP, such as 1:8:1`);
  const values: number[] = [];
  for (let value = first; value <= last * (1 + 1e-12); value += step) values.push(value);
  return values;
}

/** `NAME:1,2,3`, repeated. */
export function readShapes(texts: readonly string[]): ReadonlyMap<string, readonly number[]> {
  return new Map(
    texts.map((text) => {
      const at = text.lastIndexOf(":");
      const shape = text
        .slice(at + 1)
        .split(",")
        .map(Number);
      if (at <= 0 || !shape.every((length) => Number.isInteger(length) && length > 0)) {
        throw new UsageError(`--shape ${text}: expected NAME:1,2,3, without the batch axis`);
      }
      return [text.slice(0, at), shape] as const;
    }),
  );
}

/** `NAME:VALUE`, repeated; names go in lower case, as HTTP/2 has them. */
export function readHeaders(texts: readonly string[]): Header[] {
  return texts.map((text) => {
    const [, name = "", value = ""] = /^([^:\s]+)\s*:\s*(.*)$/.exec(text) ?? [];
    if (name === "") throw new UsageError(`-H ${text}: expected NAME:VALUE`);
    return { name: name.toLowerCase(), value };
  });
}

/** What was typed, without the values of headers: results are shown around, tokens are not. */
export function flagsForReaders(flags: Flags): Flags {
  const { header } = flags;
  if (header === undefined) return flags;
  return { ...flags, header: readHeaders(header).map(({ name }) => `${name}: ${HIDDEN}`) };
}

/** `NAME=VALUE`, or perf_analyzer's `NAME:VALUE:TYPE` with int, float, bool or string. */
export function readParameters(flag: string, texts: readonly string[]): Parameters | undefined {
  if (texts.length === 0) return undefined;
  return new Map(
    texts.map((text): [string, Parameter] => {
      const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (name !== "") return [name, { type: "string", value }];
      const [key = "", given = "", type = ""] = text.split(":");
      const number = Number(given);
      if (key !== "" && type === "string") return [key, { type, value: given }];
      if (key !== "" && type === "int" && Number.isInteger(number)) {
        return [key, { type: "int64", value: number }];
      }
      if (key !== "" && type === "float" && given !== "" && !Number.isNaN(number)) {
        return [key, { type: "double", value: number }];
      }
      if (key !== "" && type === "bool") return [key, { type, value: given === "true" }];
      throw new UsageError(
        `${flag} ${text}: expected NAME=VALUE or NAME:VALUE:int|float|bool|string`,
      );
    }),
  );
}

/** `OUTPUT` or `OUTPUT:COLUMN`. */
export function readScoreOutput(text: string): { output: string; column?: number } {
  const [, output = "", column] = /^(.*?)(?::(\d+))?$/.exec(text) ?? [];
  return { output, ...(column === undefined ? {} : { column: Number(column) }) };
}

/** Whoever names a file, or how certificates are looked at, wants encryption. */
export function readTls(flags: Flags): AskedTls {
  const read = (flag: string, file: string | undefined) => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file, "utf8");
    } catch (cause) {
      throw new UsageError(`${flag} ${file}: cannot be read`, { cause });
    }
  };
  const ca = read("--ssl-grpc-root-certifications-file", flags.sslGrpcRootCertificationsFile);
  const key = read("--ssl-grpc-private-key-file", flags.sslGrpcPrivateKeyFile);
  const cert = read("--ssl-grpc-certificate-chain-file", flags.sslGrpcCertificateChainFile);
  if ((key === undefined) !== (cert === undefined)) {
    throw new UsageError(
      "a client certificate is two files: --ssl-grpc-certificate-chain-file and --ssl-grpc-private-key-file",
    );
  }
  const options = {
    ...(ca === undefined ? {} : { ca }),
    ...(key === undefined ? {} : { key }),
    ...(cert === undefined ? {} : { cert }),
    ...(flags.insecure === true ? { insecure: true } : {}),
  };
  return { use: flags.sslGrpcUseSsl === true || Object.keys(options).length > 0, options };
}

export function driverOf({ protocol, streaming }: Flags): DriverName {
  if (streaming !== true) return protocol ?? "grpc";
  if (protocol === "http") throw new UsageError("--streaming is gRPC's: not with -i http");
  return "grpc-stream";
}
