/** In which of the two formats a scraper wants its page. */

/** `text`: 0.0.4 of Prometheus; `openmetrics`: 1.0.0, which alone has exemplars. */
export type Format = "text" | "openmetrics";

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** @param accept of the request: OpenMetrics is given to who prefers it, text to everybody else */
export function formatFor(accept: string | undefined): Format {
  let text = 0;
  let open = 0;
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const weight = weightOf(parameters);
    if (type === "application/openmetrics-text") open = Math.max(open, weight);
    else if (type === "text/plain") text = Math.max(text, weight);
  }
  return open > 0 && open >= text ? "openmetrics" : "text";
}

/** RFC 9110, 12.4.2; what is no number counts as 0. */
function weightOf(parameters: readonly string[]): number {
  const written = parameters.find((parameter) => parameter.startsWith("q="));
  const weight = written === undefined ? 1 : Number(written.slice(2));
  return weight > 0 ? weight : 0;
}
