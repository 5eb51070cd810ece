/** What every view is. */
import type { Snapshot } from "../../../../inference/dashboard-report.ts";
import type { Point } from "../history.ts";
import type { Who } from "../login.ts";

export interface ViewContext {
  readonly snapshot: Snapshot;
  /** For charts: up to the snapshot, oldest first. */
  readonly points: readonly Point[];
  readonly who: Who | undefined;
  /** What is searched for; may be empty. */
  readonly find: string;
  /** What is shown stays: the snapshot is an old one. */
  readonly frozen: boolean;
  linkTo(view: string, find?: string): string;
  redraw(): void;
}

export interface View {
  /** In the address. */
  readonly name: string;
  readonly title: string;
  /** Shows what is no part of a snapshot: goes on while the page is frozen. */
  readonly ofNow?: true;
  /** Draws itself when it has to, not with every snapshot. */
  readonly keeps?: true;
  /** Present: drawn once, and told of every snapshot, and of what is searched for, as it changes. */
  update?(context: ViewContext): void;
  draw(context: ViewContext): readonly Node[];
}
