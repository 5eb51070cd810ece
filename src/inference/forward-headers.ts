/** Headers that become string parameters of the request (`--grpc-header-forward-pattern`). */
import { StatusError } from "../errors.ts";
import type { Parameter, Parameters } from "./request.ts";

type Headers = Readonly<Record<string, string | undefined>>;

/** What a client can not set this way: it means something to the gateway itself. */
const RESERVED = [
  "sequence_id",
  "sequence_start",
  "sequence_end",
  "priority",
  "timeout",
  "headers",
  "binary_data_output",
];
/** Names beyond this are not looked at: no pattern has to cope with them. */
const LONGEST_NAME = 128;

/** undefined for an empty pattern: nothing is forwarded. */
export function forwarderOf(pattern: string): HeaderForwarder | undefined {
  return pattern === "" ? undefined : new HeaderForwarder(pattern);
}

export class HeaderForwarder {
  readonly #pattern: RegExp;
  /** Connections give the same object for the same headers, again and again. */
  readonly #known = new WeakMap<Headers, Parameters | StatusError>();

  /** @param pattern found anywhere in a name, in any case, as Triton has it. */
  constructor(pattern: string) {
    this.#pattern = new RegExp(pattern, "i");
  }

  /**
   * The parameters that `headers` become.
   * @throws StatusError INVALID_ARGUMENT for a name that is reserved
   */
  of(headers: Headers): Parameters {
    let found = this.#known.get(headers);
    if (found === undefined) {
      found = this.#find(headers);
      this.#known.set(headers, found);
    }
    if (found instanceof StatusError) throw found;
    return found;
  }

  #find(headers: Headers): Parameters | StatusError {
    const parameters = new Map<string, Parameter>();
    for (const [name, value] of Object.entries(headers)) {
      // HTTP gives a list for set-cookie, which is no header of a request.
      if (typeof value !== "string" || name.startsWith(":") || name.length > LONGEST_NAME) continue;
      if (!this.#pattern.test(name)) continue;
      if (RESERVED.includes(name) || name.startsWith("triton_")) {
        const text = `Header '${name}' is reserved for Triton usage and cannot be forwarded.`;
        return new StatusError("INVALID_ARGUMENT", text);
      }
      parameters.set(name, { type: "string", value });
    }
    return parameters;
  }
}
