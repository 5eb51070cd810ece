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
  /** What is shown stays. */
  readonly frozen: boolean;
  linkTo(view: string, find?: string): string;
  redraw(): void;
}

export interface View {
  /** In the address. */
  readonly name: string;
  readonly title: string;
  /** Draws itself when it has to, not with every snapshot. */
  readonly keeps?: true;
  /** Present: drawn once, and told of every snapshot, and of what is searched for, as it changes. */
  update?(context: ViewContext): void;
  draw(context: ViewContext): readonly Node[];
}
