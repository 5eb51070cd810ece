/** Tracks, pairs of hits, and whole events as graphs. Signal: what one particle made. */

import {
  generateTrackerEvent,
  graphTensors,
  HIT_FEATURES,
  edgeRows as rowsOfEdges,
  type TrackerEvent,
} from "../../../models/make/data/tracker.ts";
import { generateTracks, TRACK_FEATURES } from "../../../models/make/data/tracks.ts";
import type { Truth } from "../../types.ts";
import { type RowGenerator, tensor } from "../made-rows.ts";

export function trackRows(): RowGenerator {
  const width = TRACK_FEATURES.length;
  return {
    describe: "tracks; signal: those of one particle, not duplicates or ghosts",
    make(random, rows) {
      const { inputs, real } = generateTracks(random, rows);
      const values = Float64Array.from({ length: rows }, (_, row) => inputs[row * width] ?? 0);
      const truth = { variable: "transverse momentum of the track (GeV)", values, signal: real };
      return { inputs: [tensor("tracks", "FP32", [rows, width], inputs)], rows, truth };
    },
  };
}

const PARTICLES_PER_EVENT = 150;

export function edgeRows(): RowGenerator {
  const width = 2 * HIT_FEATURES.length;
  return {
    describe: "pairs of hits; signal: both of one particle",
    make(random, rows) {
      const values = new Float32Array(rows * width);
      const truth = emptyTruth(rows);
      for (let filled = 0; filled < rows; ) {
        const event = generateTrackerEvent(random, PARTICLES_PER_EVENT);
        const taken = Math.min(event.edges.length, rows - filled);
        values.set(rowsOfEdges(event).subarray(0, taken * width), filled * width);
        fillTruth(truth, event, filled, taken);
        filled += taken;
      }
      return { inputs: [tensor("features", "FP32", [rows, width], values)], rows, truth };
    },
  };
}

export function graphRows(): RowGenerator {
  return {
    describe: "events of a tracker as graphs; signal: edges of one particle",
    whole: true,
    make(random, particles) {
      const event = generateTrackerEvent(random, particles);
      const { nodes, edges } = graphTensors(event);
      const count = event.edges.length;
      const truth = emptyTruth(count);
      fillTruth(truth, event, 0, count);
      return {
        inputs: [
          tensor("nodes", "FP32", [event.hits.length, 3], nodes),
          tensor("edges", "INT64", [2, count], edges),
        ],
        rows: count,
        truth,
      };
    },
  };
}

function emptyTruth(rows: number): Truth {
  const variable = "radius of the inner hit (m)";
  return { variable, values: new Float64Array(rows), signal: new Uint8Array(rows) };
}

function fillTruth(truth: Truth, event: TrackerEvent, from: number, count: number): void {
  truth.signal.set(event.truth.subarray(0, count), from);
  for (let edge = 0; edge < count; edge++) {
    truth.values[from + edge] = event.hits[event.edges[edge]?.[0] ?? 0]?.r ?? 0;
  }
}
