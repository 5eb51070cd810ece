/** The arrivals that a scenario asks for. */
import { dirname, resolve } from "node:path";
import type { ArrivalsSpec } from "../scenario/arrivals-schema.ts";
import type { Arrivals, Intended } from "../types.ts";
import { intervalArrivals } from "./intervals.ts";
import { jobArrivals } from "./jobs.ts";
import { lhcArrivals } from "./lhc/lhc-arrivals.ts";
import { namedFilling } from "./lhc/named-fillings.ts";
import { fillingScheme } from "./lhc/read-filling.ts";
import { constantArrivals, poissonArrivals, rampArrivals } from "./open.ts";
import { readTrace, replayArrivals } from "./trace.ts";

/**
 * @param scenarioFile other files are named relative to it; absent: to the working directory
 * @param model of a trace that several models are in, the requests to this one are replayed
 */
export function makeArrivals(
  spec: ArrivalsSpec,
  seed: number,
  scenarioFile?: string,
  model?: string,
): Arrivals {
  const at = (file: string) =>
    resolve(scenarioFile === undefined ? "." : dirname(scenarioFile), file);
  switch (spec.kind) {
    case "closed":
      return closedLoop(spec.concurrency);
    case "constant":
      return constantArrivals(spec.perSecond);
    case "poisson":
      return poissonArrivals(spec.perSecond, seed);
    case "ramp":
      return rampArrivals(spec, seed);
    case "intervals":
      return intervalArrivals(at(spec.file));
    case "replay":
      return replayArrivals(readTrace(at(spec.file)), spec, spec.file, model);
    case "lhc": {
      const filling = namedFilling(spec.filling) ?? fillingScheme(at(spec.filling));
      return lhcArrivals(spec, filling, seed);
    }
    case "jobs":
      return jobArrivals(spec, seed);
  }
}

function closedLoop(concurrency: number): Arrivals {
  return {
    describe: `a closed loop of ${concurrency}`,
    scale: "as fast as the server answers: a closed loop hides how long others would have waited",
    concurrency,
    *[Symbol.iterator](): Iterator<Intended> {
      for (;;) yield { atMs: 0, events: 1 };
    },
  };
}
