/** Where in an artifact something was read: it words what is wrong there. */
import { BackendError } from "../../contract.ts";

/** Names in a file can be of any length; what people read is not. */
const MAX_REASON_CHARACTERS = 600;
const DAMAGED = "the file is damaged or truncated: copy it again, or build it again";

export class Place {
  /** `xclbin`, `aocx`, ... as people call the file. */
  readonly format: string;
  /** Outermost part first, e.g. `section IP_LAYOUT at byte 2224`; empty for the file as a whole. */
  readonly where: string;

  constructor(format: string, where = "") {
    this.format = format;
    this.where = where;
  }

  /** A part of this place. */
  part(where: string): Place {
    return new Place(this.format, this.where === "" ? where : `${this.where}, ${where}`);
  }

  /**
   * The error to throw.
   * @param reason what was read and what was expected instead
   * @param remedy what the person who can act may do
   */
  refusal(reason: string, remedy: string = DAMAGED, cause?: unknown): BackendError {
    const said = this.where === "" ? reason : `${this.where}: ${reason}`;
    const short =
      said.length > MAX_REASON_CHARACTERS ? `${said.slice(0, MAX_REASON_CHARACTERS)}...` : said;
    return new BackendError(
      "artifact",
      `cannot serve the ${this.format} file: ${short}; ${remedy}`,
      { cause },
    );
  }
}
