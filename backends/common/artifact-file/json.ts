/** JSON of an artifact: parsed within bounds, asked with care, as any of it may be missing or odd. */
import { type ByteView, clean } from "./byte-view.ts";

/** @throws BackendError `artifact` when it is no JSON */
export function parseJson(view: ByteView): Json {
  try {
    return new Json(JSON.parse(view.text()));
  } catch (cause) {
    throw view.place.refusal(`no JSON (${clean(String(cause))})`, undefined, cause);
  }
}

/** A value of unknown shape. What is not there reads as undefined or as an empty list. */
export class Json {
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  /** The member at the end of a path of keys. */
  at(...keys: readonly string[]): Json {
    let value = this.#value;
    for (const key of keys) {
      const has = typeof value === "object" && value !== null && Object.hasOwn(value, key);
      value = has ? (value as Record<string, unknown>)[key] : undefined;
    }
    return new Json(value);
  }

  get items(): readonly Json[] {
    return Array.isArray(this.#value) ? this.#value.map((value) => new Json(value)) : [];
  }

  /** The value where it is a text that is not empty. */
  get text(): string | undefined {
    return typeof this.#value === "string" && this.#value !== "" ? clean(this.#value) : undefined;
  }

  get number(): number | undefined {
    return typeof this.#value === "number" && Number.isFinite(this.#value)
      ? this.#value
      : undefined;
  }

  get isObject(): boolean {
    return typeof this.#value === "object" && this.#value !== null && !Array.isArray(this.#value);
  }
}
