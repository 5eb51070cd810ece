/**
 * The load client as a process of its own. Writes one JSON object per line:
 * `{"event":"measuring"}` when the measured window begins, `{"event":"progress"}`
 * where asked for, `{"event":"report", ...}` at the end. Exit status 1 and a line on
 * stderr when it could not run at all; failed calls are in the report.
 */
import { readFileSync } from "node:fs";
import { argv, cpuUsage, exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import type { Header } from "./hpack.ts";
import { runLoad } from "./run-load.ts";

const HELP = `usage: main.js --target HOST:PORT --path /package.Service/Method --body FILE
  --tls-ca FILE        speak TLS with a server whose certificate this authority signed
  --connections N      connections (default 4)
  --concurrency N      calls in flight over all of them (default 64)
  --rate N             open loop: start N calls per second, measure from when each was due
  --warmup-s S         load before the measured window (default 0.5)
  --duration-s S       length of the measured window (default 5), or
  --requests N         end it after N answers
  --header NAME:VALUE  of every call; may be repeated
  --progress-every N   report every N answers
`;

try {
  await main(argv.slice(2));
} catch (thrown) {
  stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${HELP}`);
  exit(1);
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: "string", default: "127.0.0.1:8001" },
      path: { type: "string", default: "/inference.GRPCInferenceService/ModelInfer" },
      body: { type: "string" },
      "tls-ca": { type: "string" },
      connections: { type: "string", default: "4" },
      concurrency: { type: "string", default: "64" },
      rate: { type: "string" },
      "warmup-s": { type: "string", default: "0.5" },
      "duration-s": { type: "string", default: "5" },
      requests: { type: "string" },
      header: { type: "string", multiple: true, default: [] },
      "progress-every": { type: "string" },
    },
  });
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(values.target) ?? [];
  if (port === "") throw new Error(`--target ${values.target}: expected HOST:PORT`);
  if (values.body === undefined) throw new Error("--body is missing: a file with the message");
  const authority = values["tls-ca"];
  const progressEvery = values["progress-every"];
  let cpuBefore = cpuUsage();
  const report = await runLoad({
    host,
    port: Number(port),
    ...(authority !== undefined && { tls: { ca: readFileSync(authority, "utf8") } }),
    request: {
      authority: values.target,
      path: values.path,
      message: readFileSync(values.body),
      headers: values.header.map(headerOf),
    },
    connections: positive("connections", values.connections),
    concurrency: positive("concurrency", values.concurrency),
    ...(values.rate === undefined ? {} : { ratePerSecond: positive("rate", values.rate) }),
    warmupMs: 1000 * Number(values["warmup-s"]),
    until:
      values.requests === undefined
        ? { kind: "time", ms: 1000 * positive("duration-s", values["duration-s"]) }
        : { kind: "requests", count: positive("requests", values.requests) },
    onMeasuring() {
      cpuBefore = cpuUsage();
      print({ event: "measuring" });
    },
    ...(progressEvery === undefined
      ? {}
      : {
          progress: {
            every: positive("progress-every", progressEvery),
            report: (answered: number) => print({ event: "progress", answered }),
          },
        }),
  });
  const cpu = cpuUsage(cpuBefore);
  print({ event: "report", ...report, clientCpuSeconds: (cpu.user + cpu.system) / 1e6 });
}

function headerOf(text: string): Header {
  const at = text.indexOf(":");
  if (at < 1) throw new Error(`--header ${text}: expected NAME:VALUE`);
  return { name: text.slice(0, at).toLowerCase(), value: text.slice(at + 1).trim() };
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${flag} ${text}: expected a number above 0`);
  return value;
}

function print(line: object): void {
  stdout.write(`${JSON.stringify(line)}\n`);
}
