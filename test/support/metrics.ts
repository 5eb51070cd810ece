/** Reads a Prometheus page the way a scraper does. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @throws Error when the port does not answer 200. */
export async function scrape(
  metricsPort: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Sample[]> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers });
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  return parse(await response.text());
}

/** Puts a page together that comes in pieces. */
export async function wholePage({ pieces }: { readonly pieces: AsyncIterable<string> }) {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

export function parse(page: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of page.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match?.[1]) continue;
    const labels: Record<string, string> = {};
    for (const pair of (match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[pair[1] ?? ""] = pair[2] ?? "";
    }
    samples.push({ name: match[1], labels, value: Number(match[3]) });
  }
  return samples;
}

/** Sum over the samples that carry all of `labels`; undefined where there is no such metric. */
export function sum(samples: readonly Sample[], name: string, labels: Record<string, string> = {}) {
  const hits = samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  return hits.length === 0 ? undefined : hits.reduce((total, sample) => total + sample.value, 0);
}
