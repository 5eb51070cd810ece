/** Which requests without a version a candidate gets: its share of them, exactly. */

/** Requests over which the share is exact, wherever one begins to count. */
const PERIOD = 1000;
/**
 * Without a divisor in common with PERIOD, so that every slot comes once; of those the one with which the chosen
 * lie most evenly: over 20 to 200 requests in a row they are never more than 2 off the share.
 */
const STRIDE = 419;

/**
 * A counter. In any 1000 requests in a row the candidate gets 1000 × weight, or one more or less where that
 * is no whole number. Its choices follow no short period that clients who take turns could fall into.
 */
export class CanaryShare {
  #count: number;
  /** Requests that the candidate was to get and did not, or got too many (below 0). */
  #owed = 0;

  /** @param seed where to begin, so that gateways and models do not choose in step */
  constructor(seed: number) {
    this.#count = Math.abs(Math.trunc(seed)) % PERIOD;
  }

  /**
   * @param weight 0 to 1
   * @param requests that go one way together
   */
  takes(weight: number, requests = 1): boolean {
    for (let k = 0; k < requests; k += 1) {
      this.#count += 1;
      if (isChosen(this.#count, weight)) this.#owed += 1;
    }
    if (2 * this.#owed < requests) return false;
    this.#owed -= requests;
    return true;
  }
}

function isChosen(count: number, weight: number): boolean {
  const slot = (count * STRIDE) % PERIOD;
  const share = weight * PERIOD;
  const whole = Math.floor(share + 1e-9);
  if (slot !== whole) return slot < whole;
  // One slot more every now and then, for what is left of the share.
  const rest = Math.max(0, share - whole);
  const round = Math.floor(count / PERIOD);
  return Math.floor((round + 1) * rest + 1e-9) > Math.floor(round * rest + 1e-9);
}
