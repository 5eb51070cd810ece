/**
 * SHA-256 of what comes in pieces (FIPS 180-4). A browser's own takes a whole file at once, and only on pages that
 * came by TLS; an artifact may be a gigabyte, and a gateway in a hall may have none.
 */

const BLOCK = 64;
const ROUNDS = 64;

/** First 32 bits of the fractional parts of the roots of the first primes. */
function fractions(root: (prime: number) => number, count: number): Uint32Array {
  const found: number[] = [];
  for (let n = 2; found.length < count; n += 1) {
    let prime = true;
    for (let d = 2; d * d <= n; d += 1) if (n % d === 0) prime = false;
    if (prime) found.push(((root(n) % 1) * 2 ** 32) >>> 0);
  }
  return Uint32Array.from(found);
}

const K = fractions(Math.cbrt, ROUNDS);

export class Sha256 {
  readonly #state = fractions(Math.sqrt, 8);
  readonly #words = new Uint32Array(ROUNDS);
  /** What is no whole block yet. */
  readonly #rest = new Uint8Array(BLOCK);
  #restBytes = 0;
  #bytes = 0;

  update(piece: Uint8Array): void {
    this.#bytes += piece.length;
    let at = 0;
    if (this.#restBytes > 0) {
      at = Math.min(BLOCK - this.#restBytes, piece.length);
      this.#rest.set(piece.subarray(0, at), this.#restBytes);
      this.#restBytes += at;
      if (this.#restBytes < BLOCK) return;
      this.#block(this.#rest, 0);
      this.#restBytes = 0;
    }
    for (; at + BLOCK <= piece.length; at += BLOCK) this.#block(piece, at);
    this.#rest.set(piece.subarray(at), 0);
    this.#restBytes = piece.length - at;
  }

  /** Hexadecimal. Nothing comes after it. */
  digest(): string {
    const bits = this.#bytes * 8;
    const padding = new Uint8Array((this.#restBytes < 56 ? 56 : 120) - this.#restBytes + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.length - 4, bits >>> 0);
    this.update(padding);
    return Array.from(this.#state, (word) => word.toString(16).padStart(8, "0")).join("");
  }

  #block(bytes: Uint8Array, from: number): void {
    const w = this.#words;
    for (let t = 0; t < 16; t += 1) {
      const at = from + 4 * t;
      w[t] =
        (byte(bytes, at) << 24) |
        (byte(bytes, at + 1) << 16) |
        (byte(bytes, at + 2) << 8) |
        byte(bytes, at + 3);
    }
    for (let t = 16; t < ROUNDS; t += 1) {
      const x = word(w, t - 15);
      const y = word(w, t - 2);
      const low = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3);
      const high = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
      w[t] = word(w, t - 16) + low + word(w, t - 7) + high;
    }
    const s = this.#state;
    // Signed: sums of them stay whole numbers of 32 bits.
    let a = word(s, 0) | 0;
    let b = word(s, 1) | 0;
    let c = word(s, 2) | 0;
    let d = word(s, 3) | 0;
    let e = word(s, 4) | 0;
    let f = word(s, 5) | 0;
    let g = word(s, 6) | 0;
    let h = word(s, 7) | 0;
    for (let t = 0; t < ROUNDS; t += 1) {
      const sum1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
      const one = (h + sum1 + ((e & f) ^ (~e & g)) + word(K, t) + word(w, t)) | 0;
      const sum0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
      const two = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    s[0] = word(s, 0) + a;
    s[1] = word(s, 1) + b;
    s[2] = word(s, 2) + c;
    s[3] = word(s, 3) + d;
    s[4] = word(s, 4) + e;
    s[5] = word(s, 5) + f;
    s[6] = word(s, 6) + g;
    s[7] = word(s, 7) + h;
  }
}

const turned = (x: number, by: number) => (x >>> by) | (x << (32 - by));
const word = (words: Uint32Array, at: number) => words[at] as number;
const byte = (bytes: Uint8Array, at: number) => bytes[at] as number;
