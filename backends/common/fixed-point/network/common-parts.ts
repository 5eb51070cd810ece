/** What all nodes have in common: a name, inputs that are there, a type. */
import type { FixedPointType } from "../../../contract.ts";
import { type Fields, MAX_LENGTH } from "./fields.ts";
import type { NetworkNode, NetworkTensor } from "./nodes.ts";

/** Reads the fields of one op. */
export type Read = (fields: Fields, common: CommonParts) => NetworkNode;

export class CommonParts {
  readonly #fields: Fields;
  readonly #name: string;
  readonly #inputs: readonly string[];
  readonly #sources: readonly NetworkTensor[];

  constructor(fields: Fields, tensors: ReadonlyMap<string, NetworkTensor>) {
    this.#fields = fields;
    this.#name = fields.text("name");
    if (tensors.has(this.#name)) throw fields.fail("name", `${this.#name} is there already`);
    this.#inputs = fields.names("inputs");
    this.#sources = this.#inputs.map((input, index) => {
      const source = tensors.get(input);
      if (source === undefined) {
        throw fields.fail(`inputs[${index}]`, `nothing before the node is called ${input}`);
      }
      return source;
    });
  }

  only(count: number): void {
    const { length } = this.#inputs;
    if (length !== count) throw this.#fields.fail("inputs", `has ${length} names, not ${count}`);
  }

  elements(input: number): number {
    return (this.#sources[input] as NetworkTensor).elements;
  }

  type(input: number): FixedPointType {
    return (this.#sources[input] as NetworkTensor).type;
  }

  /** Insists on the length of an input; gives its type. */
  takes(input: number, elements: number): FixedPointType {
    const there = this.elements(input);
    if (there !== elements) {
      const what = `${this.#inputs[input]} has ${there} elements, and the node takes ${elements}`;
      throw this.#fields.fail(`inputs[${input}]`, what);
    }
    return this.type(input);
  }

  /** Insists on two inputs of one length, which it gives. */
  pair(): number {
    this.only(2);
    this.takes(1, this.elements(0));
    return this.elements(0);
  }

  total(): number {
    return this.#sources.reduce((sum, source) => sum + source.elements, 0);
  }

  /** As many elements as the first input, of the type `out_t`, unless it is told otherwise. */
  node(elements = this.elements(0), usualType?: FixedPointType) {
    const type = this.#fields.type("out_t", usualType);
    if (elements > MAX_LENGTH) {
      throw this.#fields.fail("op", `gives ${elements} elements, and ${MAX_LENGTH} is the most`);
    }
    return { name: this.#name, inputs: this.#inputs, elements, type };
  }
}
