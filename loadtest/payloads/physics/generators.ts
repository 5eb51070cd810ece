/** The generators that a scenario can name. They make toy events (`models/make/data`), with their truth. */
import { StatusError } from "../../../src/errors.ts";
import type { GENERATORS } from "../../scenario/payload-schema.ts";
import type { RowGenerator } from "../made-rows.ts";
import { calorimeterRows } from "./calorimeter.ts";
import { jetConstituentRows, jetObservableRows } from "./jets.ts";
import { l1ObjectRows } from "./l1-objects.ts";
import { metRows } from "./met.ts";
import { edgeRows, graphRows, trackRows } from "./tracker.ts";

export type GeneratorName = (typeof GENERATORS)[number];

/** @throws StatusError where a share of signal is given for events that come as they are */
export function rowGenerator(name: GeneratorName, signalShare: number | undefined): RowGenerator {
  switch (name) {
    case "jet-observables":
      return jetObservableRows(signalShare);
    case "jet-observables-mev":
      return jetObservableRows(signalShare, 1000);
    case "jet-constituents":
      return jetConstituentRows(signalShare);
    case "l1-objects":
      return l1ObjectRows(signalShare);
  }
  if (signalShare !== undefined) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `signalShare cannot be chosen for ${name}: what is signal there follows from the events`,
    );
  }
  switch (name) {
    case "calorimeter":
      return calorimeterRows();
    case "tracks":
      return trackRows();
    case "edges":
      return edgeRows();
    case "graph":
      return graphRows();
    case "met":
      return metRows();
  }
}
