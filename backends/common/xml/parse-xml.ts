/**
 * The XML that tools of FPGA vendors put into their files: elements and
 * attributes. Text between elements, comments and instructions are skipped;
 * document type definitions are refused, since entities can be nested to any size.
 */
import type { BackendError } from "../../contract.ts";
import type { Place } from "../artifact-file/place.ts";
import { XmlElement } from "./xml-element.ts";

const MAX_ELEMENTS = 200_000;
const MAX_DEPTH = 200;
const MAX_ATTRIBUTES = 100;

const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const SLASH = 0x2f;
const EQUALS = 0x3d;
const GREATER = 0x3e;

/**
 * @returns the root element
 * @throws BackendError `artifact` where it is not well-formed, or beyond all bounds
 */
export function parseXml(text: string, place: Place): XmlElement {
  return new XmlParser(text, place).parse();
}

class XmlParser {
  readonly #text: string;
  readonly #place: Place;
  readonly #open: XmlElement[] = [];
  #root: XmlElement | undefined;
  #at = 0;
  #elements = 0;

  constructor(text: string, place: Place) {
    this.#text = text;
    this.#place = place;
  }

  parse(): XmlElement {
    for (;;) {
      const next = this.#text.indexOf("<", this.#at);
      const end = next === -1 ? this.#text.length : next;
      if (this.#open.length === 0 && this.#text.slice(this.#at, end).trim() !== "") {
        throw this.#error("text outside the root element, expected XML");
      }
      this.#at = end;
      if (next === -1) break;
      this.#markup();
    }
    const unclosed = this.#open.at(-1);
    if (unclosed !== undefined) throw this.#error(`the text ends inside <${unclosed.name}>`);
    if (this.#root === undefined) throw this.#error("no element");
    return this.#root;
  }

  #markup(): void {
    const begins = (what: string) => this.#text.startsWith(what, this.#at);
    if (begins("</")) this.#endTag();
    else if (begins("<?")) this.#skipPast("?>");
    else if (begins("<!--")) this.#skipPast("-->");
    else if (begins("<![CDATA[")) this.#skipPast("]]>");
    else if (begins("<!")) throw this.#error("a document type definition, expected elements only");
    else this.#startTag();
  }

  #startTag(): void {
    this.#at += 1;
    const name = this.#name();
    if (++this.#elements > MAX_ELEMENTS) throw this.#error(`more than ${MAX_ELEMENTS} elements`);
    const attributes: string[] = [];
    while (!this.#tagEnds()) {
      if (attributes.length >= 2 * MAX_ATTRIBUTES) {
        throw this.#error(`more than ${MAX_ATTRIBUTES} attributes of <${name}>`);
      }
      attributes.push(this.#name(), this.#value());
    }
    const element = new XmlElement(name, attributes);
    this.#attach(element);
    if (this.#text.charCodeAt(this.#at) === SLASH) {
      this.#at += 2;
      return;
    }
    this.#at += 1;
    this.#open.push(element);
    if (this.#open.length > MAX_DEPTH) throw this.#error(`elements nested beyond ${MAX_DEPTH}`);
  }

  #endTag(): void {
    this.#at += 2;
    const name = this.#name();
    const open = this.#open.pop();
    if (name !== open?.name) {
      const expected = open === undefined ? "none" : `</${open.name}>`;
      throw this.#error(`end tag </${name}>, expected ${expected}`);
    }
    this.#skipSpace();
    this.#expect(GREATER, "'>'");
  }

  #attach(element: XmlElement): void {
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.children.push(element);
    else if (this.#root === undefined) this.#root = element;
    else throw this.#error(`a second root element <${element.name}>`);
  }

  /** Whether `>` or `/>` follows, after spaces. */
  #tagEnds(): boolean {
    this.#skipSpace();
    const code = this.#text.charCodeAt(this.#at);
    if (code === GREATER) return true;
    return code === SLASH && this.#text.charCodeAt(this.#at + 1) === GREATER;
  }

  #name(): string {
    const start = this.#at;
    while (isNameCharacter(this.#text.charCodeAt(this.#at))) this.#at++;
    if (this.#at === start) throw this.#error("a name is missing");
    return this.#text.slice(start, this.#at);
  }

  /** Raw, and with any `<` or `>` in it: `= "ap_uint&lt;512> const*"`. */
  #value(): string {
    this.#skipSpace();
    this.#expect(EQUALS, "'='");
    this.#skipSpace();
    const quote = this.#text.charCodeAt(this.#at);
    if (quote !== QUOTE && quote !== APOSTROPHE) throw this.#error("a value without quotes");
    const start = this.#at + 1;
    this.#at = start;
    this.#skipPast(quote === QUOTE ? '"' : "'");
    return this.#text.slice(start, this.#at - 1);
  }

  #expect(code: number, what: string): void {
    if (this.#text.charCodeAt(this.#at) !== code) throw this.#error(`${what} is missing`);
    this.#at += 1;
  }

  #skipSpace(): void {
    while (this.#text.charCodeAt(this.#at) <= SPACE) this.#at++;
  }

  #skipPast(terminator: string): void {
    const end = this.#text.indexOf(terminator, this.#at);
    if (end === -1) throw this.#error(`${terminator} is missing`);
    this.#at = end + terminator.length;
  }

  #error(what: string): BackendError {
    return this.#place.refusal(`${what}, near character ${this.#at} of ${this.#text.length}`);
  }
}

/** Letters, digits, `_`, `-`, `.`, `:`, and whatever is not ASCII. */
function isNameCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x2d && code <= 0x3a && code !== SLASH) ||
    code === 0x5f ||
    code > 0x7f
  );
}
