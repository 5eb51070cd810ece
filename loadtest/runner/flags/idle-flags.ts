/** Flags that would change nothing in this run: whoever typed them expects something, so they are refused. */
import type { Flags } from "./flags.ts";
import { UsageError } from "./read-flags.ts";

type Given = { readonly [Name in keyof Flags]?: string };

/** Flags that want another one, by what they are of. */
const SEARCH: Given = {
  latencyThreshold: "--latency-threshold",
  clientRate: "--client-rate",
  localMs: "--local-ms",
  devices: "--devices",
  repeats: "--repeats",
};
const OF_REQUESTS: Given = {
  batchSize: "--batch-size",
  shape: "--shape",
  inputData: "--input-data",
  requestDistribution: "--request-distribution",
  requestIntervals: "--request-intervals",
};
/** Each is a load of its own. */
const LOADS: Given = {
  concurrencyRange: "--concurrency-range",
  requestRateRange: "--request-rate-range",
  requestIntervals: "--request-intervals",
  replay: "--replay",
};

/** @throws UsageError naming the flag and what it belongs to */
export function refuseIdleFlags(flags: Flags, scenario: boolean): void {
  const named = (names: Given) =>
    Object.entries(names).flatMap(([name, flag]) =>
      flags[name as keyof Flags] === undefined ? [] : [flag],
    );
  const searched = flags.capacity === true || flags.binarySearch === true;
  const refuse = (found: readonly string[], why: string) => {
    if (found.length > 0) throw new UsageError(`${found.join(", ")}: ${why}`);
  };
  if (!searched) refuse(named(SEARCH), "belongs to --capacity or --binary-search");
  if (flags.timeScale !== undefined && flags.replay === undefined) {
    refuse(["--time-scale"], "belongs to --replay");
  }
  if (scenario) {
    refuse(named(OF_REQUESTS), "a scenario says in its file what is asked, and when");
    return;
  }
  if (flags.prescale !== undefined && flags.threshold === undefined) {
    refuse(["--prescale"], "belongs to --threshold");
  }
  refuse(flags.generatorParameter ? ["--generator-parameter"] : [], NOBODY_MAKES);
  const loads = named(LOADS);
  // A search takes the bounds of its rates from the range.
  const others = loads.filter((flag) => !(searched && flag === "--request-rate-range"));
  if (searched) refuse(others, "a search chooses the rates itself");
  if (others.length > 1) refuse(others, "one load at a time");
}

export const NOBODY_MAKES = "no model of this run makes the events of another";
