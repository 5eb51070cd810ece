/** Registration: files dropped in, checked, sent, compared with the reference, each step as it passes. */
import type {
  RegistrationEvent,
  RegistrationReport,
} from "../../../../registry/catalog/registry.ts";
import type { CheckResult } from "../../../../registry/catalog/types.ts";
import { el } from "../dom.ts";
import { post, postForLines, sentence } from "../registry/ask.ts";
import { CLASSES, classFrom } from "../registry/equivalence.ts";
import { modelPath, REGISTRY, readAudit } from "../registry/records.ts";
import { PARTS, type Part, partOf, vendorOf, whyNot } from "../registry/sort-files.ts";
import { type UploadProgress, upload } from "../registry/upload.ts";
import { artifactText, auditText } from "../registry/words.ts";
import { type Level, mark } from "./marks.ts";
import type { View, ViewContext } from "./view.ts";

const VENDORS = ["xilinx", "intel", "nvidia", "arm", "cpu"];
const OUTCOMES: Readonly<Record<CheckResult["outcome"], Level>> = {
  passed: "good",
  failed: "bad",
  skipped: "none",
};

/** One for the life of the page: what goes on goes on while somebody looks elsewhere. */
let made: HTMLElement | undefined;

export const register: View = {
  name: "register",
  title: "Register",
  keeps: true,
  draw: ({ who, snapshot, linkTo }) => {
    const why =
      snapshot.registryGeneration === undefined
        ? "This gateway keeps no registry of models: start it with BEAMGATE_REGISTRY_FOLDER (registry.folder)."
        : who?.may("register") === true
          ? undefined
          : "Whoever registers needs the role register, which you do not have here.";
    if (why !== undefined) return [el("p", { class: "notice warn" }, why)];
    made ??= makeRoom(linkTo);
    return [made];
  },
};

interface Given {
  readonly file: File;
  part: Part;
  /** Once it is there. */
  digest?: string;
  readonly row: HTMLElement;
  tell(progress: UploadProgress): void;
}

/** What is to be registered. */
interface Asked {
  readonly model: string;
  readonly version: string;
  readonly files: readonly { readonly one: Given; readonly part: Part }[];
  /** What is said of it besides. */
  readonly body: object;
}

function makeRoom(linkTo: ViewContext["linkTo"]): HTMLElement {
  let given: Given[] = [];
  let going: AbortController | undefined;

  // What is given -----------------------------------------------------------------

  const files = el("ul", { class: "files" });
  const chooser = el("input", {
    type: "file",
    multiple: true,
    class: "hidden",
    id: "files-to-register",
  }) as HTMLInputElement;
  chooser.addEventListener("change", () => {
    take(chooser.files);
    chooser.value = "";
  });
  const place = el(
    "div",
    { class: "drop" },
    el(
      "p",
      {},
      "Drop an artifact here, with its manifest, config.pbtxt and golden files if there are any",
    ),
    el("label", { class: "button", for: "files-to-register" }, "Choose files"),
    chooser,
  );
  const over = (event: Event) => {
    event.preventDefault();
    place.classList.add("over");
  };
  place.addEventListener("dragenter", over);
  place.addEventListener("dragover", over);
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    take(event.dataTransfer?.files);
  });

  function take(list: FileList | null | undefined): void {
    for (const file of list ?? []) {
      given = given.filter(({ file: other }) => other.name !== file.name);
      given.push(row(file));
      void guess(file);
    }
    show();
  }

  function row(file: File): Given {
    const bar = el("progress", {
      max: String(Math.max(1, file.size)),
      value: "0",
      "aria-label": `${file.name} is sent`,
      hidden: true,
    }) as HTMLProgressElement;
    const note = el("span", { class: "soft" }, sizeText(file.size));
    const choose = el(
      "select",
      { "aria-label": `What ${file.name} is` },
      ...PARTS.map((part) =>
        el("option", { value: part, selected: part === partOf(file.name) }, part),
      ),
    ) as HTMLSelectElement;
    const one: Given = {
      file,
      part: partOf(file.name),
      row: el(
        "li",
        {},
        el("b", { title: file.name }, file.name),
        choose,
        bar,
        note,
        el(
          "button",
          { type: "button", "aria-label": `Leave ${file.name} out`, click: () => leave(one) },
          "×",
        ),
      ),
      tell: ({ doing, bytes, why }) => {
        bar.hidden = false;
        if (doing === "sends" || doing === "done") bar.value = bytes;
        note.textContent =
          doing === "done"
            ? `${sizeText(file.size)} are there`
            : `${doing}, ${sizeText(bytes)} of ${sizeText(file.size)}${why === undefined ? "" : ` (${why})`}`;
      },
    };
    choose.addEventListener("change", () => {
      one.part = choose.value as Part;
      changed();
    });
    return one;
  }

  function leave(one: Given): void {
    given = given.filter((other) => other !== one);
    show();
  }

  function show(): void {
    files.replaceChildren(...given.map((one) => one.row));
    changed();
  }

  /** What the files say of the model, where nobody has said it. */
  async function guess(file: File): Promise<void> {
    const part = partOf(file.name);
    const before = [name.value, vendor.value].join();
    if (part === "artifact") {
      const whose = vendorOf(file.name);
      if (whose !== undefined && !vendorSaid) vendor.value = whose;
      if (name.value === "")
        name.value = file.name.replace(/\.[^.]*$/, "").replace(/[^\w.-]+/g, "_");
    } else if (part === "config") {
      const told = /^\s*name:\s*"([^"\\]+)"/m.exec(await file.text())?.[1];
      if (told !== undefined) name.value = told;
    } else if (part === "manifest") {
      const told = Object(await jsonOf(file).catch(() => ({}))) as { readonly vendor?: unknown };
      if (VENDORS.includes(String(told.vendor)) && !vendorSaid) vendor.value = String(told.vendor);
    }
    if ([name.value, vendor.value].join() !== before) changed();
  }

  let vendorSaid = false;
  const name = text("name", "");
  const version = text("version", "1");
  const vendor = select(
    "vendor",
    VENDORS.map((each) => [each, each]),
  );
  vendor.addEventListener("change", () => {
    vendorSaid = true;
  });
  const kind = select("class", [
    ["", "by the vendor's rules"],
    ...Object.keys(CLASSES).map((each): [string, string] => [each, each]),
  ]);
  const numbers = text("class-numbers", "");
  kind.addEventListener("change", () => {
    numbers.placeholder = CLASSES[kind.value as keyof typeof CLASSES] ?? "";
  });
  const reference = el("input", { type: "checkbox", name: "reference" }) as HTMLInputElement;
  const alias = text("promote", "");
  alias.placeholder = "nothing";

  // What is done ------------------------------------------------------------------

  const said = el(
    "p",
    { role: "status" },
    "Nothing is registered before its checks were seen here.",
  );
  const checks = el("ol", { class: "checks" });
  const gate = el("progress", {
    class: "gate",
    "aria-label": "Golden rows compared",
    hidden: true,
  }) as HTMLProgressElement;
  const result = el("div", {});
  const dry = el("button", { type: "submit" }, "Check (dry run)") as HTMLButtonElement;
  const go = el(
    "button",
    { type: "button", class: "act", disabled: true, click: () => void run(false) },
    "Register",
  ) as HTMLButtonElement;
  const stop = el("button", { type: "button", hidden: true, click: () => going?.abort() }, "Stop");

  const tell = (what: string, level = "") => {
    said.className = level === "" ? "" : `notice ${level}`;
    said.textContent = what;
  };

  /** Grows with every change of what is given and said. */
  let edition = 0;

  /** What was checked is not what would be registered any more. */
  function changed(): void {
    edition += 1;
    go.disabled = true;
    if (checks.childElementCount > 0 && going === undefined)
      tell("Something was changed: check it again.");
  }

  function counted(all: readonly CheckResult[]): string {
    const of = (outcome: CheckResult["outcome"]) =>
      all.filter((each) => each.outcome === outcome).length;
    return `${of("passed")} passed, ${of("failed")} failed, ${of("skipped")} skipped`;
  }

  function add(all: CheckResult[], check: CheckResult): void {
    all.push(check);
    checks.append(checkRow(check));
    tell(`Checks: ${counted(all)}.`);
  }

  async function run(isDry: boolean): Promise<void> {
    if (going !== undefined) return;
    const control = new AbortController();
    going = control;
    const all: CheckResult[] = [];
    checks.replaceChildren();
    result.replaceChildren();
    gate.hidden = true;
    for (const button of [dry, go]) button.disabled = true;
    stop.hidden = false;
    try {
      const asked = whatIsAsked();
      if (isDry) await tryOut(asked, all, control.signal);
      else await make(asked, all, control.signal);
    } catch (thrown) {
      const failed = all.some(({ outcome }) => outcome === "failed");
      tell(failed ? `Refused. ${sentence(thrown)}` : sentence(thrown), "bad");
    } finally {
      going = undefined;
      gate.hidden = true;
      stop.hidden = true;
      dry.disabled = false;
    }
  }

  async function tryOut(asked: Asked, all: CheckResult[], signal: AbortSignal): Promise<void> {
    const checked = edition;
    const body = await registration(asked, signal);
    tell("The gateway checks…");
    const { checks: found } = await post<{ readonly checks: readonly CheckResult[] }>(
      `${REGISTRY}/dry-run`,
      { ...body, name: asked.model, version: asked.version },
      signal,
    );
    for (const check of found) add(all, check);
    const refused = found.some(({ outcome }) => outcome === "failed");
    if (edition !== checked) tell("Something was changed meanwhile: check it again.");
    else if (refused)
      tell(`It would be refused. Checks: ${counted(all)}. Each says what to do about it.`, "bad");
    else tell(`It would be taken to the gate. Checks: ${counted(all)}.`, "good");
    go.disabled = refused || edition !== checked;
  }

  async function make(asked: Asked, all: CheckResult[], signal: AbortSignal): Promise<void> {
    const { model } = asked;
    const body = await registration(asked, signal);
    const path = `${modelPath(model)}/versions/${encodeURIComponent(asked.version)}/artifacts`;
    tell("The gateway registers…");
    const event = ({ step, check, doneRows, rows }: RegistrationEvent) => {
      if (check !== undefined) add(all, check);
      if (step === "gate" && rows !== undefined) {
        gate.hidden = false;
        gate.max = Math.max(1, rows);
        gate.value = doneRows ?? 0;
        tell(`Checks: ${counted(all)}. Gate: ${doneRows ?? 0} of ${rows} golden rows.`);
      }
      if (step === "publish") tell("It passed the gate; it is being loaded…");
    };
    const report = await postForLines<RegistrationEvent, RegistrationReport>(
      path,
      body,
      event,
      signal,
    );
    const { artifact, unchanged, generation } = report;
    const known = unchanged ? " It was registered before: nothing was changed." : "";
    const good = artifact.state !== "refused";
    tell(`${artifactText(artifact)}.${known} ${artifact.reason ?? ""}`, good ? "good" : "bad");
    const entries = await readAudit(model, 3).catch(() => []);
    result.replaceChildren(
      el(
        "p",
        {},
        `Generation ${generation}. `,
        el("a", { href: linkTo("models", model) }, `All about ${model}`),
      ),
      el(
        "pre",
        {},
        ["The audit log says, newest first:", "", ...entries.map(auditText)].join("\n"),
      ),
    );
  }

  /** As it stands there now: files take minutes, in which somebody writes on. @throws Error with a sentence where something is missing */
  function whatIsAsked(): Asked {
    const problem = whyNot(given.map(({ part }) => part));
    if (problem !== undefined) throw new Error(problem);
    const equivalence = classFrom(kind.value, numbers.value);
    return {
      model: name.value.trim(),
      version: version.value.trim(),
      files: given.map((one) => ({ one, part: one.part })),
      body: {
        vendor: vendor.value,
        ...(equivalence && { equivalence: { class: equivalence } }),
        ...(reference.checked && { reference: true }),
        ...(alias.value.trim() !== "" && { promote: alias.value.trim() }),
      },
    };
  }

  /** The files are sent on the way. */
  async function registration({ files, body }: Asked, signal: AbortSignal): Promise<object> {
    tell("The files are sent…");
    for (const { one, part } of files) {
      if (part === "manifest" || part === "config" || part === "signature") continue;
      one.digest ??= await upload(one.file, one.tell, signal);
    }
    const fileOf = (part: Part) => files.find((each) => each.part === part)?.one;
    const artifact = fileOf("artifact");
    const [inputs, outputs] = [fileOf("golden inputs")?.digest, fileOf("golden outputs")?.digest];
    const [manifest, config, signature] = (["manifest", "config", "signature"] as const).map(
      (part) => fileOf(part)?.file,
    );
    const beside = files.filter(({ part }) => part === "beside it");
    return {
      ...body,
      artifact: artifact?.digest,
      file: artifact?.file.name,
      ...(manifest && { manifest: await jsonOf(manifest) }),
      ...(config && { config: await config.text() }),
      ...(signature && { signature: await jsonOf(signature) }),
      ...(inputs && { golden: { inputs, ...(outputs && { outputs }) } }),
      ...(beside.length > 0 && {
        files: Object.fromEntries(beside.map(({ one }) => [one.file.name, one.digest])),
      }),
    };
  }

  return el(
    "div",
    { class: "register" },
    el(
      "form",
      {
        input: changed,
        submit: (event) => {
          event.preventDefault();
          void run(true);
        },
      },
      el("h2", {}, "Register an artifact"),
      place,
      files,
      el(
        "div",
        { class: "pair" },
        el("label", {}, "Model", name),
        el("label", {}, "Version", version),
        el("label", {}, "Registry of", vendor),
      ),
      el(
        "div",
        { class: "pair" },
        el("label", {}, "Computes the same", kind),
        el("label", {}, "Numbers of that class", numbers),
        el("label", {}, "Then promote to", alias),
      ),
      el(
        "label",
        { class: "check" },
        reference,
        "Its outputs are the truth for the other artifacts of the version",
      ),
      el("div", { class: "row" }, dry, go, stop),
    ),
    el("div", { class: "told" }, el("h2", {}, "Checks"), said, gate, checks, result),
  );
}

function checkRow({ check, outcome, reason, remedy }: CheckResult): HTMLElement {
  return el(
    "li",
    { class: outcome },
    el("b", {}, mark(OUTCOMES[outcome], check).node),
    el("span", { class: "hidden" }, outcome),
    el("span", {}, reason),
    remedy === undefined ? undefined : el("p", { class: "remedy" }, remedy),
  );
}

async function jsonOf(file: File): Promise<unknown> {
  try {
    return JSON.parse(await file.text());
  } catch {
    throw new Error(`${file.name} is no JSON`);
  }
}

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [size, unit] = bytes < 1e6 ? [1e3, "kB"] : bytes < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${Number((bytes / Number(size)).toPrecision(3))} ${unit}`;
}

const text = (name: string, value: string) =>
  el("input", {
    type: "text",
    name,
    value,
    autocomplete: "off",
    spellcheck: "false",
  }) as HTMLInputElement;

const select = (name: string, options: readonly (readonly [string, string])[]) =>
  el(
    "select",
    { name },
    ...options.map(([value, said]) => el("option", { value }, said)),
  ) as HTMLSelectElement;
