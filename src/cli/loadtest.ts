/** `loadtest`: load on a server that speaks Triton's protocol, and an honest report of what came back. */
import { Command, InvalidArgumentError, Option } from "commander";
import { compareFiles, type LoadtestIo, listPresets, loadtest } from "../../loadtest/main.ts";
import type { Flags } from "../../loadtest/runner/flags/flags.ts";
import { UsageError } from "../../loadtest/runner/flags/read-flags.ts";
import { CliError, Exit, type Io } from "./io.ts";

interface Options extends Flags {
  readonly list?: boolean;
  readonly dryRun?: boolean;
  readonly compare?: readonly string[];
  readonly tolerance: number;
}

export function loadtestCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command("beamgate loadtest")
    .description(
      "Load a server that speaks Triton's protocol: by a scenario, a preset, or flags alone. Flags win " +
        "over the scenario. Exit code 99 where an objective was missed, 1 where the run is invalid.",
    )
    .argument("[scenario]", "a scenario's YAML file, or the name of a preset (--list)");
  for (const option of [...serverFlags(), ...loadFlags(), ...judgingFlags(), ...ownFlags()]) {
    command.addOption(option);
  }
  return command.action(async (scenario: string | undefined, options: Options) => {
    const stop = new AbortController();
    const interrupt = () => stop.abort();
    process.once("SIGINT", interrupt);
    try {
      exit(await act(scenario, options, loadtestIo(io, stop.signal)));
    } catch (thrown) {
      if (thrown instanceof UsageError) throw new CliError(Exit.usage, thrown.message);
      throw thrown;
    } finally {
      process.removeListener("SIGINT", interrupt);
    }
  });
}

async function act(
  scenario: string | undefined,
  options: Options,
  io: LoadtestIo,
): Promise<number> {
  const { compare, tolerance } = options;
  if (compare !== undefined) {
    const [before, after] = compare;
    if (before === undefined || after === undefined) {
      throw new UsageError(
        "--compare wants two files: --compare before/result.json after/result.json",
      );
    }
    return compareFiles(before, after, tolerance / 100, io);
  }
  if (options.list === true) return listPresets(io);
  return loadtest(scenario, options, io);
}

function loadtestIo(io: Io, signal: AbortSignal): LoadtestIo {
  return {
    out: io.out,
    err: io.err,
    terminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns ?? 80,
    signal,
  };
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw new InvalidArgumentError("Not a number.");
  return value;
}

function above0(text: string): number {
  const value = number(text);
  if (value <= 0) throw new InvalidArgumentError("Not a number above 0.");
  return value;
}

function count(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError("Not a whole number above 0.");
  }
  return value;
}

const each =
  <T>(read: (text: string) => T) =>
  (text: string, before: readonly T[] = []) => [...before, read(text)];
const eachText = each((text) => text);

function serverFlags(): Option[] {
  return [
    new Option("-u, --url <host:port>", "the server (default: localhost:8001, HTTP 8000)"),
    new Option("--http-url <host:port>", "its HTTP port, for what only that can do"),
    new Option("-i, --protocol <protocol>", "how it is spoken to").choices(["grpc", "http"]),
    new Option("--streaming", "ModelStreamInfer in place of single calls"),
    new Option("-m, --model-name <name>", "the model"),
    new Option("-x, --model-version <version>", "its version (default: the newest)"),
    new Option("-H, --header <name:value>", "sent with every request; repeat it").argParser(
      eachText,
    ),
    new Option("--ssl-grpc-use-ssl", "encrypt, HTTP too (a scheme in --url says it, too)"),
    new Option("--ssl-grpc-root-certifications-file <file>", "PEM of who is trusted"),
    new Option("--ssl-grpc-private-key-file <file>", "PEM of this client's key"),
    new Option("--ssl-grpc-certificate-chain-file <file>", "PEM of this client's certificate"),
    // perf_analyzer's scripts say them; there is nothing else here.
    new Option("-a, --async").hideHelp(),
    new Option("--sync").hideHelp(),
    new Option("-v, --verbose").hideHelp(),
    new Option("--insecure", "encrypt, and accept any certificate of the server"),
  ];
}

function loadFlags(): Option[] {
  return [
    new Option("-b, --batch-size <rows>", "rows of a request").argParser(count),
    new Option("--concurrency-range <a:b:step>", "closed loop: so many requests in flight"),
    new Option("--request-rate-range <a:b:step>", "open loop: so many requests a second"),
    new Option("--request-distribution <law>", "of an open loop").choices(["constant", "poisson"]),
    new Option("--request-intervals <file>", "open loop: µs between requests, one a line"),
    new Option("--replay <trace>", "open loop: what a gateway recorded (--record)"),
    new Option("--time-scale <factor>", "of a replay: 2 takes twice as long").argParser(above0),
    new Option("--input-data <what>", "zero, random, or a JSON file in perf_analyzer's form"),
    new Option("--shape <name:1,2>", "of an input that leaves it open; repeat it").argParser(
      eachText,
    ),
    new Option("--request-parameter <name=value>", "of every request; repeat it").argParser(
      eachText,
    ),
    new Option(
      "--generator-parameter <name=value>",
      "of requests to the model that makes the events of another; repeat it",
    ).argParser(eachText),
    new Option("--warmup <seconds>", "load before the measurement").argParser(number),
    new Option("--duration <seconds>", "of the measurement (default: 20)").argParser(above0),
    new Option("-p, --measurement-interval <ms>", "closed loop: of a window").argParser(above0),
    new Option("--measurement-mode <mode>", "closed loop: what ends a window").choices([
      "time_windows",
      "count_windows",
    ]),
    new Option("--measurement-request-count <n>", "answers of a counted window").argParser(count),
    new Option("-s, --stability-percentage <%>", "3 windows may differ by it").argParser(above0),
    new Option("-r, --max-trials <n>", "windows before it is called unstable").argParser(count),
    new Option("--seed <n>", "of everything random").argParser(number),
  ];
}

function judgingFlags(): Option[] {
  return [
    new Option("--percentile <p>", "that has to be stable, and meets the budget").argParser(above0),
    new Option("--budget <ms>", "a latency budget; repeat it").argParser(each(above0)),
    new Option("--objective <text>", "such as 'p99 <= 5 ms'; repeat it").argParser(eachText),
    new Option("--binary-search", "find the highest rate that meets -l, or --budget"),
    new Option("-l, --latency-threshold <ms>", "the budget of that search").argParser(above0),
    new Option("--capacity", "that search, told in clients and devices"),
    new Option("--repeats <n>", "of the search (default: 3)").argParser(count),
    new Option("--client-rate <n>", "requests a second of one client").argParser(above0),
    new Option("--devices <n>", "that share the load (default: as told)").argParser(count),
    new Option("--local-ms <ms>", "the same inference without a server").argParser(above0),
    new Option("--score-output <name[:column]>", "what a trigger decides on"),
    new Option("--threshold <score>", "accept from here on").argParser(number),
    new Option("--prescale <n>", "keep one of n accepted").argParser(count),
    new Option("--reference-url <host:port>", "compare answers with this server's"),
    new Option("--reference-model <name>", "compare answers with this model's"),
    new Option(
      "--reference-parameter <name=value>",
      "compare with the same request and this parameter, such as beamgate_variant=cpu",
    ).argParser(eachText),
  ];
}

function ownFlags(): Option[] {
  return [
    new Option("--output <folder>", "write report.html, result.json, .hgrm and CSV there"),
    new Option("-f, --latency-report-file <file>", "perf_analyzer's CSV"),
    new Option("--processes <n>", "generator processes (default: 1)").argParser(count),
    new Option("--connections <n>", "over all processes").argParser(count),
    new Option("--spin", "never sleep: exact times for a whole core"),
    new Option("--late-after <ms>", "a request sent later is late (default: 1)").argParser(above0),
    new Option("--no-ceiling", "do not look first what the generator can do"),
    new Option("--list", "the presets, one a line"),
    new Option("--dry-run", "say what would be done"),
    new Option("--compare <results...>", "two result.json: what became worse"),
    new Option("--tolerance <%>", "of a comparison").argParser(number).default(5),
  ];
}
