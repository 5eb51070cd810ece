/** Questions of the command line to a running gateway, by HTTP. Nothing of an answer is believed. */
import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import type { Readable } from "node:stream";
import type { ClientTls } from "./client-tls.ts";
import type { GatewayAddress } from "./gateway-address.ts";
import { CliError, Exit } from "./io.ts";
import { printable } from "./table.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** An answer takes no longer than this to come, or to go on. */
const SILENCE_MS = 600_000;
const MOST_ANSWER_BYTES = 512 * 1024 * 1024;
/** Of an error that is printed. */
const LONGEST_ERROR = 16 * 1024;
const LINES = "application/x-ndjson";

/** Nothing answers there, or it is something else. */
export class NoGateway extends CliError {}

/** What the gateway refused, in its own words. */
export class Refused extends CliError {
  readonly status: number;
  /** The error as it came: `code`, `generation`, `checks`, … */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    const { code, generation } = body;
    const words = printable(String(body["error"]).slice(0, LONGEST_ERROR));
    const since = code === "ABORTED" && Number.isSafeInteger(generation);
    super(
      status === 503 || code === "UNAVAILABLE" ? Exit.unavailable : Exit.refused,
      since ? `${words} (the model is at generation ${generation} now)` : words,
    );
    this.status = status;
    this.body = body;
  }
}

/** The connection broke: what was asked may have been done, or not. */
export class HungUp extends CliError {}

/** @throws NoGateway, Refused, HungUp */
export async function askGateway(
  gateway: GatewayAddress,
  method: Method,
  path: string,
  body?: object,
): Promise<unknown> {
  const answer = await exchange(gateway, method, path, asBody(body), {
    accept: "application/json",
  });
  return readAnswer(gateway, path, answer);
}

/**
 * Asks for what takes long, and hears of it line by line.
 * @param onEvent gets each `event` as it comes, unchecked
 * @returns what stands in the last line as `result`
 * @throws as `askGateway`
 */
export async function askForLines(
  gateway: GatewayAddress,
  path: string,
  body: object,
  onEvent: (event: unknown) => void,
): Promise<unknown> {
  const answer = await exchange(gateway, "POST", path, asBody(body), {
    accept: `${LINES}, application/json`,
  });
  if (!answer.headers["content-type"]?.startsWith(LINES)) return readAnswer(gateway, path, answer);
  for await (const line of linesOf(gateway, answer)) {
    const told = parseObject(line);
    if (told === undefined) throw notOurs(gateway, path, answer.statusCode);
    if ("event" in told) onEvent(told["event"]);
    else if ("error" in told) throw new Refused(answer.statusCode ?? 0, told);
    else if ("result" in told) return told["result"];
  }
  throw hungUp(gateway);
}

/** Sends `bytes` bytes of a stream. @throws as `askGateway` */
export async function sendBytes(
  gateway: GatewayAddress,
  path: string,
  source: Readable,
  bytes: number,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  const type = { "content-type": "application/octet-stream", "content-length": String(bytes) };
  const answer = await exchange(gateway, "PATCH", path, source, { ...headers, ...type });
  return readAnswer(gateway, path, answer);
}

function asBody(body: object | undefined): string | undefined {
  return body === undefined ? undefined : JSON.stringify(body);
}

/** Resolves with the head of the answer. */
async function exchange(
  { url, token, apiKey, tls }: GatewayAddress,
  method: Method,
  path: string,
  body: string | Readable | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const secure = url.protocol === "https:";
  const send = secure ? (await import("node:https")).request : requestHttp;
  const target = new URL(url.pathname.replace(/\/$/, "") + path, url);
  const options: RequestOptions & ClientTls = {
    ...tls,
    method,
    // Node's own client keeps a connection for the next question, and with it the process.
    agent: false,
    headers: {
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(apiKey === undefined ? {} : { "x-api-key": apiKey }),
      ...(typeof body === "string"
        ? { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
        : {}),
    },
  };
  return new Promise((resolve, reject) => {
    let connected = false;
    const request = send(target, options, resolve);
    request.setTimeout(SILENCE_MS, () => request.destroy(new Error("it is silent")));
    request.on("socket", (socket) =>
      socket.once("connect", () => {
        connected = true;
      }),
    );
    request.on("error", (cause) => {
      const { code = "" } = cause as NodeJS.ErrnoException;
      if (secure && isOfTls(code)) reject(unsafe({ url }, code, cause));
      else reject(connected ? hungUp({ url }, cause) : noGateway({ url }, cause));
    });
    if (typeof body === "string" || body === undefined) request.end(body);
    else {
      // What cannot be read ends the request; an answer that comes early ends the reading.
      body.once("error", (cause) => {
        reject(cause);
        request.destroy();
      });
      request.once("response", () => body.destroy());
      request.once("close", () => body.destroy());
      body.pipe(request);
    }
  });
}

async function readAnswer(
  gateway: GatewayAddress,
  path: string,
  answer: IncomingMessage,
): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length;
      if (bytes > MOST_ANSWER_BYTES) throw notOurs(gateway, path, answer.statusCode);
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw cause instanceof CliError ? cause : hungUp(gateway, cause);
  }
  const { statusCode = 0 } = answer;
  const text = Buffer.concat(chunks).toString("utf8");
  if (statusCode >= 200 && statusCode < 300) {
    try {
      const read: unknown = JSON.parse(text);
      if (typeof read === "object" && read !== null) return read;
    } catch {
      // The same as any other answer that is none of ours.
    }
    throw notOurs(gateway, path, statusCode);
  }
  const told = parseObject(text);
  if (typeof told?.["error"] !== "string" || told["error"] === "Not Found") {
    throw notOurs(gateway, path, statusCode);
  }
  throw new Refused(statusCode, told);
}

async function* linesOf(gateway: GatewayAddress, answer: IncomingMessage): AsyncGenerator<string> {
  const { createInterface } = await import("node:readline");
  let bytes = 0;
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_ANSWER_BYTES) answer.destroy();
  });
  const broken = new Promise<never>((_, reject) => {
    answer.once("error", (cause) => reject(hungUp(gateway, cause)));
  });
  broken.catch(() => undefined);
  const lines = createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY });
  const iterator = lines[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await Promise.race([iterator.next(), broken]);
    if (done === true) return;
    if (value !== "") yield value;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function noGateway({ url }: GatewayAddress, cause: unknown): NoGateway {
  const reason = cause instanceof Error && "code" in cause ? ` (${cause.code})` : "";
  const remedy = "start it with 'beamgate serve', or name it with --url";
  return new NoGateway(
    Exit.unavailable,
    `no gateway answers at ${url.origin}${reason}: ${remedy}`,
    { cause },
  );
}

/** Codes of OpenSSL's judgement on a certificate have no prefix, and no system call has one of those names. */
function isOfTls(code: string): boolean {
  return /^ERR_(SSL|TLS)_|^EPROTO$|CERT|SIGNATURE|ISSUER/.test(code);
}

function unsafe({ url }: GatewayAddress, code: string, cause: Error): NoGateway {
  const remedies: readonly [RegExp, string][] = [
    [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|^EPROTO$/, "it may speak http only"],
    [/ALTNAME/, "call it by a name of its certificate, with --url"],
    [/_ALERT_/, "it wants to see a certificate that it accepts: name yours with --cert and --key"],
    [/EXPIRED|NOT_YET/, "look at its certificate, and at the clock of this machine"],
    [/./, "name the authorities that it is signed by with --cacert"],
  ];
  const remedy = remedies.find(([codes]) => codes.test(code))?.[1];
  return new NoGateway(
    Exit.unavailable,
    `no safe connection to ${url.origin}: ${printable(cause.message)} (${code}): ${remedy}`,
    { cause },
  );
}

function hungUp({ url }: GatewayAddress, cause?: unknown): HungUp {
  const text = `the gateway at ${url.origin} hung up before it had answered`;
  return new HungUp(Exit.unavailable, text, { cause });
}

function notOurs({ url }: GatewayAddress, path: string, status: number | undefined): NoGateway {
  return new NoGateway(
    Exit.unavailable,
    `what answers at ${url.origin} is no beamgate that knows ${path} (status ${status})`,
  );
}
