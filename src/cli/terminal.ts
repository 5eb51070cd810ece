/** The terminal that somebody sits at, for commands that draw on all of it. */
export interface Terminal {
  size(): { readonly columns: number; readonly rows: number };
  /** Called when its size changes. @returns what ends that */
  onResize(listener: () => void): () => void;
  /** Keys as they are pressed, one character each, Ctrl-C (`\u0003`) among them. @returns what ends that */
  onKey(listener: (key: string) => void): () => void;
}

/** undefined where standard output goes somewhere else. */
export function terminalOf(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
): Terminal | undefined {
  if (output.isTTY !== true) return undefined;
  return {
    // A terminal that does not say is one of 80 columns.
    size: () => ({ columns: output.columns || 80, rows: output.rows || 24 }),
    onResize(listener) {
      output.on("resize", listener);
      return () => output.off("resize", listener);
    },
    onKey(listener) {
      if (input.isTTY !== true) return () => undefined;
      const read = (keys: Buffer) => {
        for (const key of keys.toString()) listener(key);
      };
      input.setRawMode(true);
      input.on("data", read);
      input.resume();
      return () => {
        input.off("data", read);
        input.setRawMode(false);
        input.pause();
      };
    },
  };
}
