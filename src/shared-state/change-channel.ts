/**
 * Gateways tell each other that the registry changed, so that all follow at once. A message says no more than
 * "look"; what is lost does no harm, because everybody also looks by itself.
 */
import type { Link } from "./link.ts";

export interface ChangeChannelParts {
  readonly link: Pick<Link, "publish" | "subscribe">;
  /** Of this gateway: it does not hear itself. */
  readonly id: string;
  /** Looks for what others changed. Never rejects. */
  look(): Promise<unknown>;
}

const CHANNEL = "registry-changed";

export class ChangeChannel {
  readonly #parts: ChangeChannelParts;
  #looking = false;
  #again = false;
  #heard = 0;

  constructor(parts: ChangeChannelParts) {
    this.#parts = parts;
  }

  /** Messages of others. */
  get heard(): number {
    return this.#heard;
  }

  open(): void {
    this.#parts.link.subscribe(
      CHANNEL,
      (from) => {
        if (from === this.#parts.id) return;
        this.#heard += 1;
        this.#look();
      },
      () => this.#look(),
    );
  }

  /** This gateway committed a change. Nobody waits for it. */
  tell(): void {
    this.#parts.link.publish(CHANNEL, this.#parts.id).catch(() => undefined);
  }

  /** One look at a time; what comes meanwhile makes one more. */
  #look(): void {
    this.#again = this.#looking;
    if (this.#looking) return;
    this.#looking = true;
    void this.#parts.look().finally(() => {
      this.#looking = false;
      if (this.#again) this.#look();
    });
  }
}
