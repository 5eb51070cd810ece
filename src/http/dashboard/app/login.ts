/** Who looks at the page, and how he says so. */
import { el } from "./dom.ts";
import { sentence } from "./registry/ask.ts";
import { tellTrouble } from "./troubles.ts";

export interface Who {
  readonly asked: boolean;
  readonly subject: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  may(role: string): boolean;
  /** For the head of the page. */
  shown(left: () => void): Node[];
}

/** @returns "nobody" where the gateway wants to know who asks */
export async function whoAmI(): Promise<Who | "nobody"> {
  const answer = await fetch("/v2/beamgate/who");
  if (answer.status === 401 || answer.status === 403) return "nobody";
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const { asked, subject, tenant, roles, how } = (await answer.json()) as {
    readonly asked: boolean;
    readonly subject: string;
    readonly tenant: string;
    readonly how: string;
    readonly roles: readonly string[];
  };
  const may = (role: string) => roles.includes(role) || roles.includes("admin");
  if (!may("observe")) return "nobody";
  return {
    asked,
    subject,
    tenant,
    roles,
    may,
    shown: (left) => {
      if (!asked) return [];
      const leave = async () => {
        try {
          const { ok, status } = await fetch("/v2/beamgate/session", { method: "DELETE" });
          if (!ok) throw new Error(`the gateway answered with ${status}`);
          left();
        } catch (thrown) {
          tellTrouble("You are still logged in", sentence(thrown));
        }
      };
      const button = el("button", { type: "button", click: () => void leave() }, "Log out");
      const title = `${subject}; ${roles.join(", ")}`;
      // Nobody takes off a certificate.
      return [el("span", { title }, tenant, " "), ...(how === "certificate" ? [] : [button])];
    },
  };
}

export function askToLogin(done: () => void): Node {
  const kind = el(
    "select",
    { name: "kind" },
    el("option", { value: "key" }, "API key"),
    el("option", { value: "token" }, "Token"),
  );
  const secret = el("input", {
    type: "password",
    name: "secret",
    autocomplete: "off",
    required: true,
  }) as HTMLInputElement;
  const said = el("p", { role: "alert" });
  const submit = async (event: Event) => {
    event.preventDefault();
    const body = JSON.stringify({ [(kind as HTMLSelectElement).value]: secret.value });
    const answer = await fetch("/v2/beamgate/session", { method: "POST", body }).catch(
      () => undefined,
    );
    if (answer?.ok === true) {
      secret.value = "";
      done();
      return;
    }
    const { error } = ((await answer?.json().catch(() => ({}))) ?? {}) as {
      readonly error?: string;
    };
    said.className = "notice bad";
    said.textContent = error ?? "the gateway does not answer";
  };
  return el(
    "section",
    {},
    el("h2", {}, "Who is looking?"),
    el(
      "p",
      { class: "soft" },
      "This gateway shows itself to callers with the role observe. A client certificate counts without a login.",
    ),
    el(
      "form",
      { submit: (event) => void submit(event) },
      el("label", {}, "What I show", kind),
      el("label", {}, "Key or token", secret),
      el("div", { class: "row" }, el("button", { type: "submit" }, "Log in")),
      said,
    ),
  );
}
