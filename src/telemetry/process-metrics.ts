/**
 * The process's own metrics, under the names that prom-client gives them: dashboards of other Node services know them.
 * Each is read once a scrape and in time that does not grow with open files, so that watching ten thousand connections
 * costs as little as watching ten.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
} from "node:perf_hooks";
import { getHeapSpaceStatistics } from "node:v8";
import { Buckets } from "./buckets.ts";
import type { ReadHistogram, ReadMetric, Sample } from "./exposition/families.ts";
import type { Labels } from "./exposition/label-text.ts";

type Names = readonly (readonly [name: string, help: string])[];

export interface ProcessMetrics {
  readonly metrics: readonly ReadMetric[];
  readonly histograms: readonly ReadHistogram[];
}

export function processMetrics(): ProcessMetrics {
  return {
    metrics: [
      ...cpu(),
      started(),
      ...memory(),
      ...files(),
      ...eventLoopLag(),
      ...counted("active_resources", "resources that keep the event loop alive", resources),
      ...counted("active_handles", "libuv handles", () => classes("_getActiveHandles")),
      ...counted("active_requests", "libuv requests", () => classes("_getActiveRequests")),
      ...heap(),
      ...heapSpaces(),
      version(),
    ],
    histograms: [garbageCollection()],
  };
}

const NO_LABELS: Labels = {};

/** Several metrics of one reading, which the first of them makes. */
function together(
  type: ReadMetric["type"],
  names: Names,
  read: () => readonly (number | undefined)[],
): ReadMetric[] {
  let values: readonly (number | undefined)[] = [];
  return names.map(([name, help], at) => ({
    ...{ name, help, type, labels: [] },
    read(): Sample[] {
      if (at === 0) values = read();
      const value = values[at];
      return value === undefined ? [] : [{ labels: NO_LABELS, value }];
    },
  }));
}

function cpu(): ReadMetric[] {
  const names = [
    ["process_cpu_user_seconds_total", "Total user CPU time spent in seconds."],
    ["process_cpu_system_seconds_total", "Total system CPU time spent in seconds."],
    ["process_cpu_seconds_total", "Total user and system CPU time spent in seconds."],
  ] as const;
  return together("counter", names, () => {
    const { user, system } = process.cpuUsage();
    return [user / 1e6, system / 1e6, (user + system) / 1e6];
  });
}

function started(): ReadMetric {
  const value = Math.round(Date.now() / 1000 - process.uptime());
  return {
    name: "process_start_time_seconds",
    help: "Start time of the process since unix epoch in seconds.",
    type: "gauge",
    labels: [],
    read: () => [{ labels: NO_LABELS, value }],
  };
}

function memory(): ReadMetric[] {
  const names = [
    ["process_resident_memory_bytes", "Resident memory size in bytes."],
    ["process_virtual_memory_bytes", "Virtual memory size in bytes."],
    ["process_heap_bytes", "Process heap size in bytes."],
  ] as const;
  return together("gauge", names, () => {
    // Of /proc, which is no I/O: nothing waits.
    const status = textOf("/proc/self/status");
    return ["VmRSS", "VmSize", "VmData"].map((key) => {
      const begin = status.indexOf(`${key}:`);
      return begin < 0
        ? undefined
        : 1024 * Number.parseInt(status.slice(begin + 7, begin + 24), 10);
    });
  });
}

function files(): ReadMetric[] {
  const limit = /^Max open files\s+(\d+)/m.exec(textOf("/proc/self/limits"))?.[1];
  return [
    ...together("gauge", [["process_open_fds", "Number of open file descriptors."]], () => [
      openFiles(),
    ]),
    ...together("gauge", [["process_max_fds", "Maximum number of open file descriptors."]], () => [
      limit === undefined ? undefined : Number(limit),
    ]),
  ];
}

/** Linux says how many there are as the size of their folder since 6.2; else they are counted. */
function openFiles(): number | undefined {
  const folder = "/proc/self/fd";
  try {
    const { size } = statSync(folder);
    // Less the one that is open for reading them.
    return size > 0 ? size : readdirSync(folder).length - 1;
  } catch {
    return undefined;
  }
}

function eventLoopLag(): ReadMetric[] {
  const histogram = monitorEventLoopDelay();
  histogram.enable();
  const what = "nodejs_eventloop_lag";
  const names = [
    [`${what}_seconds`, "Lag of event loop in seconds."],
    [`${what}_min_seconds`, "The minimum recorded event loop delay."],
    [`${what}_max_seconds`, "The maximum recorded event loop delay."],
    [`${what}_mean_seconds`, "The mean of the recorded event loop delays."],
    [`${what}_stddev_seconds`, "The standard deviation of the recorded event loop delays."],
    [`${what}_p50_seconds`, "The 50th percentile of the recorded event loop delays."],
    [`${what}_p90_seconds`, "The 90th percentile of the recorded event loop delays."],
    [`${what}_p99_seconds`, "The 99th percentile of the recorded event loop delays."],
  ] as const;
  /** Of the scrape before: how long it took until the event loop turned. */
  let lag = 0;
  return together("gauge", names, () => {
    const begin = performance.now();
    setImmediate(() => {
      lag = (performance.now() - begin) / 1000;
    });
    const { min, max, mean, stddev } = histogram;
    const quantiles = [50, 90, 99].map((part) => histogram.percentile(part));
    histogram.reset();
    return [lag, ...[min, max, mean, stddev, ...quantiles].map((ns) => ns / 1e9)];
  });
}

/** How many of each type, and how many in all. */
function counted(what: string, words: string, read: () => Map<string, number>): ReadMetric[] {
  let all = 0;
  const labelsOf = keptLabels("type");
  return [
    {
      name: `nodejs_${what}`,
      help: `Number of active ${words}, by type.`,
      type: "gauge",
      labels: ["type"],
      *read() {
        all = 0;
        for (const [type, value] of read()) {
          all += value;
          yield { labels: labelsOf(type), value };
        }
      },
    },
    {
      name: `nodejs_${what}_total`,
      help: `Total number of active ${words}.`,
      type: "gauge",
      labels: [],
      read: () => [{ labels: NO_LABELS, value: all }],
    },
  ];
}

function resources(): Map<string, number> {
  return sums(process.getActiveResourcesInfo());
}

/** Of Node, for those who look into a process: not in its types. */
type Inner = Partial<Record<"_getActiveHandles" | "_getActiveRequests", () => readonly object[]>>;

function classes(which: keyof Inner): Map<string, number> {
  const found = (process as unknown as Inner)[which]?.call(process) ?? [];
  return sums(found.map((one) => one.constructor?.name ?? ""));
}

function sums(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function heap(): ReadMetric[] {
  const names = [
    ["nodejs_heap_size_total_bytes", "Process heap size from Node.js in bytes."],
    ["nodejs_heap_size_used_bytes", "Process heap size used from Node.js in bytes."],
    ["nodejs_external_memory_bytes", "Node.js external memory size in bytes."],
  ] as const;
  return together("gauge", names, () => {
    const { heapTotal, heapUsed, external } = process.memoryUsage();
    return [heapTotal, heapUsed, external];
  });
}

function heapSpaces(): ReadMetric[] {
  let spaces: ReturnType<typeof getHeapSpaceStatistics> = [];
  const labelsOf = keptLabels("space");
  const sizes = [
    ["total", "space_size"],
    ["used", "space_used_size"],
    ["available", "space_available_size"],
  ] as const;
  return sizes.map(([size, field], at) => ({
    name: `nodejs_heap_space_size_${size}_bytes`,
    help: `Process heap space size ${size} from Node.js in bytes.`,
    type: "gauge",
    labels: ["space"],
    *read() {
      if (at === 0) spaces = getHeapSpaceStatistics();
      for (const space of spaces) {
        yield { labels: labelsOf(space.space_name.replace(/_space$/, "")), value: space[field] };
      }
    },
  }));
}

function version(): ReadMetric {
  const [major = "", minor = "", patch = ""] = process.version.slice(1).split(".");
  const labels = { version: process.version, major, minor, patch };
  return {
    name: "nodejs_version_info",
    help: "Node.js version info.",
    type: "gauge",
    labels: Object.keys(labels),
    read: () => [{ labels, value: 1 }],
  };
}

const GC_BOUNDS_SECONDS = [0.001, 0.01, 0.1, 1, 2, 5] as const;
const GC_KINDS = new Map<number | undefined, string>([
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weakcb"],
]);

function garbageCollection(): ReadHistogram {
  const rows = new Map<string, { readonly labels: Labels; readonly buckets: Buckets }>();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as PerformanceEntry & {
        readonly detail?: { readonly kind?: number };
      };
      const name = GC_KINDS.get(detail?.kind) ?? "other";
      let row = rows.get(name);
      if (row === undefined) {
        row = { labels: { kind: name }, buckets: new Buckets(GC_BOUNDS_SECONDS) };
        rows.set(name, row);
      }
      row.buckets.observe(entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return {
    name: "nodejs_gc_duration_seconds",
    help: "Garbage collection duration by kind, one of major, minor, incremental or weakcb.",
    type: "histogram",
    series: () => rows.values(),
  };
}

/** One object of labels a name: its text is written once. */
function keptLabels(label: string): (name: string) => Labels {
  const kept = new Map<string, Labels>();
  return (name) => {
    let labels = kept.get(name);
    if (labels === undefined) {
      labels = { [label]: name };
      kept.set(name, labels);
    }
    return labels;
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
