/** A change of the registry: what it would change is shown, then it is made, then the audit log tells of it. */
import type { CatalogModel } from "../../../../registry/catalog/types.ts";
import { el } from "../dom.ts";
import { post, Refusal, sentence } from "../registry/ask.ts";
import { type ModelRecord, modelPath, readAudit, readRecord } from "../registry/records.ts";
import { auditText } from "../registry/words.ts";

export interface Change {
  readonly title: string;
  /** Said above the fields. */
  readonly about?: string;
  readonly fields: readonly HTMLElement[];
  /** Lines, from what is there now. @throws Error with a sentence where it would not be possible */
  preview(record: ModelRecord): readonly string[];
  /** Behind the model's address, as the fields say. */
  request(): { readonly action: string; readonly method?: "DELETE"; readonly body: object };
  readonly confirm: string;
}

/** @param changeOf from what the registry says now: what the page shows may be older */
export function askForChange(
  model: string,
  changeOf: (now: CatalogModel) => Change,
  done: () => void,
): void {
  const dialog = el("dialog", {}, el("p", { role: "status" }, "The registry is asked…"));
  const shown = dialog as HTMLDialogElement;
  shown.addEventListener("close", () => shown.remove());
  document.body.append(shown);
  shown.showModal();
  const begin = async () => {
    try {
      const { model: now } = await recordOf(model);
      const change = changeOf(now);
      shown.setAttribute("aria-label", change.title);
      shown.replaceChildren(formOf(model, change, shown, done));
    } catch (thrown) {
      const close = el("button", { type: "button", click: () => shown.close() }, "Close");
      const told = el("p", { class: "notice bad", role: "alert" }, sentence(thrown));
      shown.replaceChildren(told, close);
    }
  };
  void begin();
}

/** @throws Error with a sentence */
async function recordOf(model: string): Promise<ModelRecord> {
  const record = await readRecord(model);
  if (record === undefined) throw new Error(`the registry has no model '${model}' any more`);
  return record;
}

function formOf(
  model: string,
  change: Change,
  dialog: HTMLDialogElement,
  done: () => void,
): HTMLElement {
  /** What the preview was made from: the gateway refuses the change from anything else. */
  let seen: ModelRecord | undefined;
  const said = el("pre", { role: "status" }, "Nothing is changed before you have seen it here.");
  const confirm = el(
    "button",
    { type: "button", class: "act", disabled: true, click: () => void make() },
    change.confirm,
  ) as HTMLButtonElement;
  const leave = el("button", { type: "button", click: () => dialog.close() }, "Cancel");

  const tell = (text: string, level = "") => {
    said.className = level === "" ? "" : `notice ${level}`;
    said.textContent = text;
  };
  const forget = () => {
    seen = undefined;
    confirm.disabled = true;
  };

  async function look(): Promise<void> {
    forget();
    try {
      const record = await recordOf(model);
      const lines = change.preview(record);
      tell([...lines, "", `From generation ${record.generation} of the model.`].join("\n"));
      seen = record;
      confirm.disabled = false;
    } catch (thrown) {
      tell(sentence(thrown), "bad");
    }
  }

  async function make(): Promise<void> {
    if (seen === undefined) return;
    const { generation } = seen;
    const { action, method = "POST", body } = change.request();
    forget();
    tell("The gateway makes the change…");
    try {
      const path = `${modelPath(model)}${action}`;
      const whole = { ...body, generation };
      if (method === "POST") await post(path, whole);
      else await del(path, whole);
      await told();
    } catch (thrown) {
      tell(refusalText(thrown, generation), "bad");
    }
  }

  async function told(): Promise<void> {
    const entries = await readAudit(model, 3).catch(() => []);
    const lines = entries.map(auditText);
    tell(["Done. The audit log says, newest first:", "", ...lines].join("\n"), "good");
    form.classList.add("over");
    leave.textContent = "Close";
    leave.focus();
    done();
  }

  const form = el(
    "form",
    {
      submit: (event) => {
        event.preventDefault();
        void look();
      },
      input: forget,
    },
    el("h2", {}, change.title),
    change.about === undefined ? undefined : el("p", { class: "soft" }, change.about),
    ...change.fields,
    said,
    el("div", { class: "row" }, el("button", { type: "submit" }, "Preview"), confirm, leave),
  );
  return form;
}

const del = async (path: string, body: object) => {
  const answer = await fetch(path, { method: "DELETE", body: JSON.stringify(body) });
  if (answer.ok) return;
  throw new Refusal(answer.status, Object(await answer.json().catch(() => ({}))) as object);
};

function refusalText(thrown: unknown, generation: number): string {
  if (!(thrown instanceof Refusal) || thrown.code !== "ABORTED") return sentence(thrown);
  const now = thrown.generation === undefined ? "" : `; now it is ${thrown.generation}`;
  return (
    `Nothing was changed: somebody else changed the model meanwhile (ABORTED). You saw generation ${generation}${now}. ` +
    "Preview again to see what the change would do from there.\n\n" +
    thrown.message
  );
}
