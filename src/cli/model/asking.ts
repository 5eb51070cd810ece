/** What the commands of `model` have in common: whom they ask, as whom, and how they print. */
import { Command, InvalidArgumentError, Option } from "commander";
import { type GatewayOptions, gatewayAddress, gatewayOptions } from "../gateway-address.ts";
import { askGateway, type Method } from "../gateway-client.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, outputOption } from "../output-option.ts";

export interface AskOptions extends GatewayOptions {
  readonly output: OutputFormat;
}

export interface ChangeOptions extends AskOptions {
  readonly generation?: number;
}

export const REGISTRY = "/v2/beamgate/registry";
export const NAME = "NAME[:VERSION][@VENDOR], or NAME[:VERSION]@sha256:DIGEST";

export function asking(name: string, description: string): Command {
  return askingBy(gatewayOptions(), name, description);
}

/** @param options that name the gateway */
export function askingBy(options: readonly Option[], name: string, description: string): Command {
  const command = new Command(name).description(description).addOption(outputOption());
  for (const option of options) command.addOption(option);
  return command;
}

/** One that changes a model. */
export function changing(name: string, description: string): Command {
  return asking(name, description).addOption(generationOption());
}

export function generationOption(): Option {
  return new Option(
    "--generation <n>",
    "of the model that the change is made from: refused (exit code 3) where somebody was faster",
  ).argParser(wholeNumber);
}

export async function ask(
  options: GatewayOptions,
  io: Io,
  method: Method,
  path: string,
  body?: object,
): Promise<unknown> {
  return askGateway(await gatewayAddress(options, io), method, path, body);
}

export function modelPath(name: string, ...more: readonly string[]): string {
  return [`${REGISTRY}/models`, ...[name, ...more].map(encodeURIComponent)].join("/");
}

/** Members of every change: who says they make it, for the audit log, and from what. */
export function common({ generation }: { readonly generation?: number }, { env }: Io): object {
  const who = env["BEAMGATE_USER"] || env["USER"] || env["LOGNAME"];
  return {
    ...(who ? { who } : {}),
    ...(generation === undefined ? {} : { generation }),
  };
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("expected a whole number.");
}

export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("expected a number from 0 to 1.");
}
