/** Making a binary out of OpenCL C, for boards whose compiler is a library on this host (PoCL). */
import { type BoardChoice, OpenClBoard } from "./board.ts";

/** What images by this function depend on, beside source and options. */
export interface CompilerIdentity {
  readonly device: string;
  readonly driver: string;
}

export const BUILD_OPTIONS = "-cl-std=CL1.2";

/** @throws BackendError `artifact` with the compiler's log; `device` where there is no such device */
export function compileSource(choice: BoardChoice, source: string): Uint8Array {
  return onBoard(choice, (board) => board.compile(source, BUILD_OPTIONS));
}

export function identifyCompiler(choice: BoardChoice): CompilerIdentity {
  return onBoard(choice, ({ info }) => ({ device: info.name, driver: info.driverVersion }));
}

function onBoard<T>(choice: BoardChoice, use: (board: OpenClBoard) => T): T {
  const board = OpenClBoard.open(choice);
  try {
    return use(board);
  } finally {
    board.close();
  }
}
