import { readFile } from "node:fs/promises";
import { Document, parseAllDocuments } from "yaml";
import { describeError } from "#base/errors.ts";
import {
  type Converted,
  convertAdminPolicies,
  isAdminPolicy,
  type Manifest,
} from "#pipeline/explain/convert-admin-policies.ts";
import { CliError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/** Writes the policies of files as ClusterNetworkPolicies; what else is in the files is left where it is. */
export async function convertPolicies(io: Io, files: readonly string[]): Promise<ExitCode> {
  const manifests: Manifest[] = [];
  for (const file of files) manifests.push(...parse(file, await read(io, file)));
  const policies = manifests.filter(isAdminPolicy);
  const others = manifests.length - policies.length;
  if (policies.length === 0)
    throw new CliError(
      EXIT.wrong,
      "there is no AdminNetworkPolicy or BaselineAdminNetworkPolicy (v1alpha1) in these files",
    );
  if (others > 0) io.say(`${others} other ${others === 1 ? "object is" : "objects are"} left out`);
  const converted = convertAdminPolicies(policies);
  for (const one of converted) await io.write(format(one));
  return converted.some(({ remarks }) => remarks.some(({ isLoss }) => isLoss)) ? EXIT.wrong : EXIT.ok;
}

async function read(io: Io, file: string): Promise<string> {
  if (file === "-") {
    const lines: string[] = [];
    for await (const line of io.lines()) lines.push(line);
    return lines.join("\n");
  }
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(EXIT.wrong, `${file} cannot be read: ${describeError(error)}`);
  }
}

function parse(file: string, text: string): readonly Manifest[] {
  return parseAllDocuments(text, { logLevel: "error" }).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new CliError(EXIT.wrong, `${file} is not YAML: ${error.message}`);
    return membersOf(document.toJS({ maxAliasCount: 100 }));
  });
}

/** `kubectl get -o yaml` writes a list. */
function membersOf(value: unknown): readonly Manifest[] {
  if (typeof value !== "object" || value === null) return [];
  const manifest: Manifest = { ...value };
  const { kind, items } = manifest;
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items)
    ? items.flatMap(membersOf)
    : [manifest];
}

function format({ from, object, remarks }: Converted): string {
  const document = new Document(object);
  const lines = [
    `From ${from}.`,
    ...remarks.map(({ message, isLoss }) => `${isLoss ? "LOOK AT THIS: " : ""}${message}.`),
  ];
  document.commentBefore = lines.map((line) => ` ${line}`).join("\n");
  return `---\n${document.toString({ lineWidth: 120 })}`;
}
