/** Colours, where somebody looks at them. */

const CODES = { green: 32, yellow: 33, red: 31, dim: 2 } as const;

export type Colour = keyof typeof CODES;

export function paint(text: string, colour: Colour | undefined, wanted: boolean): string {
  if (!wanted || colour === undefined || text === "") return text;
  return `\u001b[${CODES[colour]}m${text}\u001b[0m`;
}
