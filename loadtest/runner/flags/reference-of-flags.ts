/** Whom the answers are compared with, as flags say it. */
import type { RunSpec } from "../run-spec.ts";
import { parseUrl } from "../target.ts";
import type { Flags } from "./flags.ts";
import { driverOf, readHeaders, readParameters, readTls } from "./read-flags.ts";

export function referenceOf(flags: Flags): Pick<RunSpec, "reference"> {
  const { referenceUrl: url, referenceModel: model, referenceParameter: texts = [] } = flags;
  if (url === undefined && model === undefined && texts.length === 0) return {};
  const parameters = readParameters("--reference-parameter", texts);
  const words = [...(model === undefined ? [] : [`model ${model}`]), ...texts];
  if (url !== undefined) words.push(words.length > 0 ? `at ${url}` : url);
  return {
    reference: {
      name: words.join(" "),
      ...(url === undefined
        ? {}
        : {
            server: {
              address: parseUrl(url, driverOf(flags), readTls(flags)),
              headers: readHeaders(flags.header ?? []),
            },
          }),
      ...(model === undefined ? {} : { model }),
      ...(parameters === undefined ? {} : { parameters }),
    },
  };
}
