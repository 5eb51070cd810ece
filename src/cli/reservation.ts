/** `reservation ls|add|rm`: windows in which devices are withdrawn for a tenant. */
import { Command } from "commander";
import type { ReservationList } from "../inference/reservation-report.ts";
import { type GatewayOptions, gatewayAddress, gatewayOptions } from "./gateway-address.ts";
import { askGateway, type Method } from "./gateway-client.ts";
import type { Io } from "./io.ts";
import { common, wholeNumber } from "./model/asking.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { printable, table } from "./table.ts";

interface Options extends GatewayOptions {
  readonly output: OutputFormat;
}

interface AddOptions extends Options {
  readonly tenant: string;
  readonly devices: string;
  readonly models?: string;
  readonly from: string;
  readonly to: string;
  readonly zone?: string;
  readonly lead?: number;
}

const RESERVATIONS = "/v2/beamgate/reservations";

export function reservationCommand(io: Io): Command {
  const command = (words: string, description: string) => {
    const made = new Command(words).description(description).addOption(outputOption());
    for (const option of gatewayOptions()) made.addOption(option);
    return made;
  };
  const ask = async (options: Options, method: Method, path: string, body?: object) =>
    (await askGateway(await gatewayAddress(options, io), method, path, body)) as ReservationList;

  const ls = command("ls", "List them: the running window of each, or the next one.").action(
    async (options: Options) => {
      const list = await ask(options, "GET", RESERVATIONS);
      await print(io, options.output, list, () => `${asTable(list)}\n`);
    },
  );

  const add = command("add", "Withdraw devices for a tenant, every week or once.")
    .argument("<name>", "of the reservation")
    .requiredOption("--tenant <name>", "who gets them")
    .requiredOption("--devices <ids>", "with commas; * stands for any characters")
    .requiredOption("--from <time>", "'Fri 20:00' of every week, or 2026-12-04T20:00Z")
    .requiredOption("--to <time>", "in the same form")
    .option("--zone <zone>", "of windows of every week, such as Europe/Rome (default: UTC)")
    .option(
      "--models <names>",
      "that may sit there, with commas; none: nothing of this gateway (default: those of the tenant)",
    )
    .option("--lead <minutes>", "others are drained so long before (default: 15)", wholeNumber)
    .action(async (name: string, options: AddOptions) => {
      const { tenant, devices, models, from, to, zone, lead } = options;
      const body = {
        ...{ name, tenant, devices: listed(devices), from, to, zone, lead },
        ...(models !== undefined && { models: models === "none" ? [] : listed(models) }),
        ...common({}, io),
      };
      const list = await ask(options, "POST", RESERVATIONS, body);
      await print(io, options.output, list, () => `${printable(name)} is in the calendar\n`);
    });

  const rm = command("rm", "Remove one that was added; its devices are returned.")
    .argument("<name>", "of the reservation")
    .action(async (name: string, options: Options) => {
      const path = `${RESERVATIONS}/${encodeURIComponent(name)}`;
      const list = await ask(options, "DELETE", path, common({}, io));
      await print(io, options.output, list, () => `${printable(name)} is removed\n`);
    });

  return new Command("beamgate reservation").addCommand(ls).addCommand(add).addCommand(rm);
}

const listed = (text: string) => text.split(",").map((name) => name.trim());

const HEAD = ["NAME", "TENANT", "DEVICES", "STATE", "FROM", "TO", "HOLDS", "TROUBLE"];

function asTable({ reservations }: ReservationList): string {
  return table(
    HEAD,
    reservations.map(({ name, tenant, devices, state, from, to, holds, trouble }) => [
      ...[name, tenant, devices.join(", "), state, from ?? "-", to ?? "-"],
      ...[holds.join(", ") || "-", trouble ?? "-"],
    ]),
  );
}
