/**
 * One line of the log in Triton's two styles, with everything that came from
 * outside escaped: `I1122 16:50:05.123000 1234 server.js:12] "message" key="value"`.
 */

export type Severity = "I" | "W" | "E";

export interface LinePart {
  readonly style: "default" | "ISO8601";
  readonly severity: Severity;
  readonly message: string;
  readonly fields: object | undefined;
  readonly at: Date;
  /** `file:line` of whoever spoke. */
  readonly site: string;
}

/** What JSON leaves as it is although terminals and log readers act on it. */
const CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

/** JSON text in which no character can end a line or steer a terminal. */
export function escapeControls(json: string): string {
  return json.replace(
    CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** With its newline. */
export function tritonLine({ style, severity, message, fields, at, site }: LinePart): string {
  const iso = at.toISOString();
  const head =
    style === "ISO8601"
      ? `${iso.slice(0, 19)}Z ${severity} ${process.pid}`
      : `${severity}${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11, 23)}000 ${process.pid}`;
  return `${head} ${site}] ${shown(message)}${fields === undefined ? "" : pairs(fields)}\n`;
}

function pairs(fields: object): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${/^\w+$/.test(name) ? name : shown(name)}=${shown(value)}`)
    .join("");
}

function shown(value: unknown): string {
  const plain = value instanceof Error ? (value.stack ?? value.message) : value;
  try {
    return escapeControls(JSON.stringify(plain, bigintAsText) ?? String(plain));
  } catch {
    return '"(not printable)"'; // a cycle, or a toJSON that throws
  }
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** Fields as pino takes them: an Error keeps its text and stack, a bigint its digits. */
export function jsonFields(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (value instanceof Error) {
        return [name, { type: value.name, message: value.message, stack: value.stack }];
      }
      return [name, typeof value === "bigint" ? String(value) : value];
    }),
  );
}

const FRAMES = 6;

/** `file:line` of the first caller outside the log itself. */
export function callSite(): string {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = before;
  for (const frame of stack.split("\n").slice(1)) {
    const place = /([^/\\(\s]+):(\d+):\d+\)?$/.exec(frame);
    if (place === null || /\/telemetry\/log(-line)?\.[jt]s:/.test(frame)) continue;
    return `${place[1]}:${place[2]}`;
  }
  return "beamgate:0";
}
