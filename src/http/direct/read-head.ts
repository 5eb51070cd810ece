/**
 * The head of an infer request as most clients write it. What is written in any
 * other way, right or wrong, is Node's and Fastify's to read: this reader is
 * stricter than RFC 9112 on purpose, so that both never see one message differently.
 */

export interface InferHead {
  readonly model: string;
  /** Empty: the newest one that is ready. */
  readonly version: string;
  readonly contentLength: number;
  /** `Inference-Header-Content-Length` as it was written. */
  readonly headerLengthText: string | undefined;
  /** Names in lower case; those that came twice are joined. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Without `%`, `?` and `;`: nothing to decode, nothing behind the path. */
const REQUEST_LINE =
  /^POST \/v2\/models\/([\w.~!$&'()*+,=:@-]{1,1024})(?:\/versions\/(\d{1,1024}))?\/infer HTTP\/1\.1$/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** A tab is white space here and there, and not for everybody. */
const VALUE = /^[\x20-\x7e]*$/;
const LENGTH = /^\d{1,9}$/;
/** They change what the body is, or how it is answered. */
const NOT_HERE = new Set([
  "accept-encoding",
  "content-encoding",
  "expect",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** @param text of the head, latin1, without the empty line. @returns undefined where it is not for us */
export function readHead(text: string): InferHead | undefined {
  const [first = "", ...fields] = text.split("\r\n");
  const path = REQUEST_LINE.exec(first);
  if (path === null) return undefined;
  const headers: Record<string, string | undefined> = Object.create(null);
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, Math.max(0, colon)).toLowerCase();
    const value = field.slice(colon + 1);
    if (!NAME.test(name) || !VALUE.test(value) || NOT_HERE.has(name)) return undefined;
    const before = headers[name];
    if (before !== undefined && isAboutTheMessage(name)) return undefined;
    headers[name] = before === undefined ? value.trim() : `${before}, ${value.trim()}`;
  }
  const { host, connection = "keep-alive", "content-length": length = "" } = headers;
  if (host === undefined || connection.toLowerCase() !== "keep-alive") return undefined;
  if (!LENGTH.test(length)) return undefined;
  return {
    model: path[1] ?? "",
    version: path[2] ?? "",
    contentLength: Number(length),
    headerLengthText: headers["inference-header-content-length"],
    headers,
  };
}

/** Said twice, Node keeps one, or refuses the message. */
function isAboutTheMessage(name: string): boolean {
  return (
    name === "host" ||
    name === "connection" ||
    name === "content-length" ||
    name === "inference-header-content-length" ||
    name === "cookie"
  );
}
