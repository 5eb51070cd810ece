/** Why a request was answered as it was: asked by its id. */
import { el } from "../dom.ts";
import type { View } from "./view.ts";

export const requests: View = {
  name: "requests",
  title: "Requests",
  keeps: true,
  draw: ({ find }) => {
    const id = el("input", {
      type: "text",
      name: "id",
      value: find,
      required: true,
    }) as HTMLInputElement;
    const told = el(
      "pre",
      { role: "status" },
      "The newest requests that came with an id are remembered.",
    );
    const ask = async () => {
      const answer = await fetch(`/v2/beamgate/explain/${encodeURIComponent(id.value)}`).catch(
        () => undefined,
      );
      const body: unknown = await answer?.json().catch(() => undefined);
      const { error } = Object(body) as { readonly error?: string };
      told.textContent =
        error ??
        (body === undefined ? "the gateway does not answer" : JSON.stringify(body, undefined, 2));
    };
    if (find !== "") void ask();
    return [
      el(
        "section",
        {},
        el("h2", {}, "Explain a request"),
        el(
          "form",
          {
            submit: (event) => {
              event.preventDefault();
              void ask();
            },
          },
          el("label", {}, "Its id", id),
          el("div", { class: "row" }, el("button", { type: "submit" }, "Explain")),
        ),
      ),
      told,
    ];
  },
};
