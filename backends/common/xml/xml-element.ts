/** An element of an XML text. Attributes are decoded when they are asked for: few are. */
import { decodeAttribute } from "./decode-attribute.ts";

export class XmlElement {
  readonly name: string;
  readonly children: XmlElement[] = [];
  /** Name, raw value, name, raw value, ... */
  readonly #raw: readonly string[];

  constructor(name: string, rawAttributes: readonly string[]) {
    this.name = name;
    this.#raw = rawAttributes;
  }

  attribute(name: string): string | undefined {
    for (let at = 0; at < this.#raw.length; at += 2) {
      if (this.#raw[at] === name) return decodeAttribute(this.#raw[at + 1] ?? "");
    }
    return undefined;
  }

  childrenNamed(name: string): readonly XmlElement[] {
    return this.children.filter((child) => child.name === name);
  }

  /** The first child of that name. */
  child(name: string): XmlElement | undefined {
    return this.children.find((child) => child.name === name);
  }
}
