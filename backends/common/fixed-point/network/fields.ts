/** JSON taken apart field by field, each error with the path to its cause. */
import { BackendError, type FixedPointType } from "../../../contract.ts";
import { rangeOf, typeFault } from "../type.ts";

/** Elements of a row, entries of a table: more than a network on one board comes near. */
export const MAX_LENGTH = 2 ** 20;

export class Fields {
  readonly path: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #taken = new Set<string>();

  /** @throws BackendError `artifact` where `json` is no object */
  constructor(path: string, json: unknown) {
    this.path = path;
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new BackendError("artifact", `${path}: has to be an object`);
    }
    this.#fields = json as Record<string, unknown>;
  }

  fail(name: string, what: string): BackendError {
    return new BackendError("artifact", `${this.path}.${name}: ${what}`);
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined;
  }

  any(name: string): unknown {
    this.#taken.add(name);
    const value = this.#fields[name];
    if (value === undefined) throw this.fail(name, "is missing");
    return value;
  }

  text(name: string): string {
    const value = this.any(name);
    if (typeof value !== "string" || value === "") throw this.fail(name, "has to be a text");
    return value;
  }

  /** One of a few words; `otherwise` where the field is absent. */
  word<W extends string>(name: string, words: readonly W[], otherwise: W): W {
    if (!this.has(name)) return otherwise;
    const value = this.any(name) as W;
    if (!words.includes(value)) throw this.fail(name, `has to be one of ${words.join(", ")}`);
    return value;
  }

  /** A length or a number of something: a whole number of at least `least`. */
  count(name: string, least = 1, otherwise?: number): number {
    if (otherwise !== undefined && !this.has(name)) return otherwise;
    const value = this.any(name);
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= MAX_LENGTH) {
      return value as number;
    }
    throw this.fail(name, `has to be a whole number from ${least} to ${MAX_LENGTH}`);
  }

  type(name: string, otherwise?: FixedPointType): FixedPointType {
    if (otherwise !== undefined && !this.has(name)) return otherwise;
    const { w, i, signed, q, o } = new Fields(`${this.path}.${name}`, this.any(name))
      .#fields as unknown as FixedPointType;
    const type = { w, i, signed, q, o };
    const fault = typeFault(type);
    if (fault !== undefined) throw this.fail(name, fault);
    return type;
  }

  list(name: string): readonly unknown[] {
    const value = this.any(name);
    if (!Array.isArray(value)) throw this.fail(name, "has to be an array");
    return value;
  }

  /** `length` finite numbers; any number of them (at least one) where it is left out. */
  numbers(name: string, length?: number): readonly number[] {
    const values = this.list(name);
    if (length === undefined ? values.length === 0 : values.length !== length) {
      throw this.fail(name, `has ${values.length} entries, not ${length ?? "1 or more"}`);
    }
    const odd = values.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0) throw this.fail(`${name}[${odd}]`, "has to be a number");
    return values as readonly number[];
  }

  /** Raw integers of a type. */
  raws(name: string, type: FixedPointType, length?: number): readonly number[] {
    const values = this.numbers(name, length);
    const { lo, hi } = rangeOf(type);
    const odd = values.findIndex((raw) => !Number.isInteger(raw) || raw < lo || raw > hi);
    if (odd >= 0) {
      throw this.fail(`${name}[${odd}]`, `is ${values[odd]}, and raw integers are ${lo} to ${hi}`);
    }
    return values;
  }

  names(name: string): readonly string[] {
    const values = this.list(name);
    if (values.length === 0 || values.some((value) => typeof value !== "string")) {
      throw this.fail(name, "has to be an array of names");
    }
    return values as readonly string[];
  }

  /** The fields that nobody has asked for. */
  rest(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      Object.entries(this.#fields).filter(([name]) => !this.#taken.has(name)),
    );
  }

  /** @throws BackendError `artifact` for a field that nobody asked for: it may well be a mistyped one */
  done(...remarks: readonly string[]): void {
    for (const name of Object.keys(this.#fields)) {
      if (!this.#taken.has(name) && !remarks.includes(name)) throw this.fail(name, "is not known");
    }
  }
}
