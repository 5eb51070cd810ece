/** How the processes of the bench talk to the one that started them: JSON, one object per line. */
import { stdout } from "node:process";

export function print(line: object): void {
  stdout.write(`${JSON.stringify(line)}\n`);
}
