/** What every view is. */
import type { Snapshot } from "../../../../inference/dashboard-report.ts";
import type { History } from "../history.ts";
import type { Who } from "../login.ts";

export interface ViewContext {
  readonly snapshot: Snapshot;
  readonly history: History;
  readonly who: Who | undefined;
  /** What is searched for; may be empty. */
  readonly find: string;
  linkTo(view: string, find?: string): string;
  redraw(): void;
}

export interface View {
  /** In the address. */
  readonly name: string;
  readonly title: string;
  /** Draws itself when it has to, not with every snapshot. */
  readonly keeps?: true;
  draw(context: ViewContext): readonly Node[];
}
