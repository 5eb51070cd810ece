/**
 * The words of an autodiscovery text one after the other. Its parts begin with
 * the number of words they have, so that a reader can pass over what later
 * versions added at their ends.
 */

import { clean } from "../../common/artifact-file/byte-view.ts";
import type { Place } from "../../common/artifact-file/place.ts";
import type { BackendError } from "../../contract.ts";

export class Words {
  readonly place: Place;
  readonly #words: readonly string[];
  #at = 0;
  /** Where the parts that are being read end, innermost last. */
  readonly #ends: number[] = [];

  constructor(text: string, place: Place) {
    this.#words = text.split(/\s+/).filter((word) => word !== "");
    this.place = place;
  }

  /** The next word. */
  text(what: string): string {
    const word = this.#words[this.#at];
    if (word === undefined || this.#at >= this.#end) {
      throw this.error(`${what} is missing`);
    }
    this.#at++;
    return clean(word);
  }

  /** The next word, a number from 0 on; `?` stands where a version has dropped one. */
  number(what: string): number {
    const word = this.text(what);
    if (word === "?") return 0;
    const value = /^\d{1,15}$/.test(word) ? Number(word) : Number.NaN;
    if (Number.isNaN(value)) throw this.error(`${what} is '${word}', expected a number`);
    return value;
  }

  /** A number of things of which each needs at least `words` words. */
  count(what: string, words: number): number {
    const count = this.number(what);
    const left = this.#end - this.#at;
    if (count * Math.max(1, words) <= left) return count;
    throw this.error(`${count} ${what}, expected at most the ${left} words that are left`);
  }

  /** Whether the part that is being read has more words. */
  get more(): boolean {
    return this.#at < this.#end;
  }

  /** Reads a part of `length` words; what `read` leaves of it is passed over. */
  part<T>(what: string, length: number, read: () => T): T {
    const end = this.#at + length;
    if (end > this.#end) {
      throw this.error(`${what} of ${length} words, expected at most ${this.#end - this.#at}`);
    }
    this.#ends.push(end);
    const result = read();
    this.#ends.pop();
    this.#at = end;
    return result;
  }

  error(what: string): BackendError {
    return this.place.refusal(`${what}, at word ${this.#at + 1} of ${this.#words.length}`);
  }

  get #end(): number {
    return this.#ends.at(-1) ?? this.#words.length;
  }
}
