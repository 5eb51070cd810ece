/** Every model of the repository that has an ONNX file. */
import type { Recipe } from "../recipe.ts";
import { caloEnergy } from "./calo-energy.ts";
import { edgeFilter } from "./edge-filter.ts";
import { graphEdges } from "./graph-edges.ts";
import { customIdentityInt32, scalarSum } from "./identity-and-sum.ts";
import { jetTagger } from "./jet-tagger.ts";
import { l1Anomaly } from "./l1-anomaly.ts";
import { metRegression } from "./met-regression.ts";
import { particleJets } from "./particle-jets.ts";
import { jetDecision, jetUnits, strainPower, strainWindow } from "./pipelines.ts";
import { raggedIo, raggedMean } from "./ragged.ts";
import {
  runningSum,
  simpleDynaSequence,
  simpleSequence,
  simpleStringDynaSequence,
} from "./sequences.ts";
import { simple, simpleInt8, simpleString } from "./simple.ts";
import { trackClassifier } from "./track-classifier.ts";

export const recipes: readonly Recipe[] = [
  jetTagger,
  caloEnergy,
  l1Anomaly,
  particleJets,
  trackClassifier,
  edgeFilter,
  graphEdges,
  metRegression,
  simple,
  simpleInt8,
  simpleString,
  customIdentityInt32,
  scalarSum,
  jetUnits,
  jetDecision,
  strainWindow,
  strainPower,
  simpleSequence,
  simpleDynaSequence,
  simpleStringDynaSequence,
  runningSum,
  raggedIo,
  raggedMean,
];
