/** Events for missing transverse momentum. Signal: more than 100 GeV of it. */
import {
  generateMetEvent,
  MET_CANDIDATES,
  packMetEvents,
} from "../../../models/make/data/met-events.ts";
import { type RowGenerator, tensor } from "../made-rows.ts";

const SIGNAL_GEV = 100;
/** Mean of candidates that belong to other collisions. */
const PILE_UP_CANDIDATES = 250;

export function metRows(): RowGenerator {
  return {
    describe: `candidates of events; signal: more than ${SIGNAL_GEV} GeV missing`,
    make(random, rows) {
      const events = Array.from({ length: rows }, () =>
        generateMetEvent(random, PILE_UP_CANDIDATES),
      );
      const { features, categories } = packMetEvents(events);
      const width = features.length / rows / MET_CANDIDATES;
      const missing = events.map(({ trueX, trueY }) => Math.hypot(trueX, trueY));
      return {
        inputs: [
          tensor("input", "FP32", [rows, MET_CANDIDATES, width], features),
          ...categories.map((values, at) =>
            tensor(`input_cat${at}`, "FP32", [rows, MET_CANDIDATES, 1], values),
          ),
        ],
        rows,
        truth: {
          variable: "missing transverse momentum (GeV)",
          values: Float64Array.from(missing),
          signal: Uint8Array.from(missing, (met) => (met >= SIGNAL_GEV ? 1 : 0)),
        },
      };
    },
  };
}
