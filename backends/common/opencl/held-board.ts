/**
 * Who uses a board now. A board holds one image: instances of the same image share
 * it, another image has to wait until they are unloaded.
 */
import { BackendError } from "../../contract.ts";
import { type BoardChoice, OpenClBoard } from "./board.ts";

export interface Hold {
  readonly board: OpenClBoard;
  /** To be called once. */
  release(): void;
}

export class HeldBoard {
  readonly #id: string;
  readonly #choice: BoardChoice;
  #held: { readonly board: OpenClBoard; readonly digest: string; users: number } | undefined;

  constructor(id: string, choice: BoardChoice) {
    this.#id = id;
    this.#choice = choice;
  }

  /**
   * Opens the board and puts the image on it, unless it is there already.
   * @param digest content address of `image`
   * @throws BackendError `exhausted` while another image is in use
   */
  hold(image: Uint8Array, digest: string): Hold {
    const held = this.#held ?? { board: this.#program(image), digest, users: 0 };
    if (held.digest !== digest) {
      throw new BackendError(
        "exhausted",
        `device ${this.#id} holds image ${held.digest}; unload what uses it before loading ${digest}`,
      );
    }
    this.#held = held;
    held.users++;
    return { board: held.board, release: () => this.#release() };
  }

  #program(image: Uint8Array): OpenClBoard {
    const board = OpenClBoard.open(this.#choice);
    try {
      board.load(image);
      return board;
    } catch (cause) {
      board.close();
      throw cause;
    }
  }

  #release(): void {
    const held = this.#held;
    if (held === undefined || --held.users > 0) return;
    this.#held = undefined;
    held.board.close();
  }
}
