import { Command } from "commander";
import type { NodeEntry, PodEntry, ProblemEntry } from "#controller/node/http/node-view.ts";
import { CliError } from "../errors.ts";
import { withExamples } from "../examples.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { createNodeClient } from "../node-client.ts";
import { formatTable, jsonDocument, type OutputFormat, outputOption } from "../output.ts";
import { socketOption } from "../socket-option.ts";
import { getConnectionsCommand } from "./get-connections.ts";
import { getDenialsCommand } from "./get-denials.ts";
import { getPoliciesCommand } from "./get-policies.ts";
import { getServicesCommand } from "./get-services.ts";

/** How one kind is listed. */
interface Listing<T> {
  readonly description: string;
  readonly header: readonly string[];
  row(entry: T): readonly string[];
  name(entry: T): string;
}

const PODS: Listing<PodEntry> = {
  description: "the pods plugged into this node's bridge",
  header: ["NAMESPACE", "NAME", "IPS", "PORT", "INTERFACE", "MAC", "STATE"],
  row: (pod) => [pod.namespace, pod.name, pod.ips.join(","), String(pod.port), pod.interface, pod.mac, pod.state],
  name: (pod) => `${pod.namespace}/${pod.name}`,
};

const NODES: Listing<NodeEntry> = {
  description: "the cluster's nodes, and how this one reaches them",
  header: ["NAME", "ADDRESSES", "POD CIDRS", "PATH", "MTU"],
  row: (node) => [
    node.name,
    node.addresses.join(",") || "-",
    node.podCidrs.join(",") || "-",
    node.path,
    node.mtu === undefined ? "-" : String(node.mtu),
  ],
  name: (node) => node.name,
};

const PROBLEMS: Listing<ProblemEntry> = {
  description: "what is wrong with objects, and what would be right",
  header: ["OBJECT", "FIELD", "SOURCE", "PROBLEM"],
  row: (problem) => [problem.object, problem.field || "-", problem.source, problem.message],
  name: (problem) => problem.object,
};

export function getCommand(io: Io, done: (code: ExitCode) => void): Command {
  const get = new Command("get")
    .summary("list pods, nodes, services, policies, denials, connections or problems")
    .description("list what the node knows: pods, nodes, services, policies, denials, connections or problems");
  get.addCommand(listCommand(io, "pods", PODS));
  get.addCommand(listCommand(io, "nodes", NODES));
  get.addCommand(getServicesCommand(io, done));
  get.addCommand(getPoliciesCommand(io, done));
  get.addCommand(getDenialsCommand(io));
  get.addCommand(getConnectionsCommand(io));
  get.addCommand(listCommand(io, "problems", PROBLEMS));
  return withExamples(get, [
    ["weirctl get pods", "the pods of this node"],
    ["weirctl get pods default/web", "one of them; exit code 1 if it is not here"],
    ["weirctl get nodes", "the peers, and whether by tunnel or directly"],
    ["weirctl get services shop/db", "which endpoints it has here, and why not others"],
    ["weirctl get policies", "what policies do here, with hits"],
    ["weirctl get denials -w", "packets that policies deny, as it happens"],
    ["weirctl get problems -o json", "for a program"],
  ]);
}

function listCommand<T>(io: Io, kind: string, listing: Listing<T>): Command {
  const command = new Command(kind)
    .description(listing.description)
    .argument("[name]", "only this one")
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (name: string | undefined, { socket, output }: { socket: string; output: OutputFormat }) => {
      const all = await createNodeClient(socket).get<T[]>(`/v1/${kind}`);
      const entries = name === undefined ? all : all.filter((entry) => listing.name(entry) === qualify(kind, name));
      if (name !== undefined && entries.length === 0) throw new CliError(EXIT.wrong, `${kind}: ${name} is not here`);
      if (output === "json") await io.write(jsonDocument(entries));
      else if (entries.length === 0) io.say(`no ${kind}`);
      else await io.write(formatTable(listing.header, entries.map(listing.row)));
    });
  return withExamples(command, [
    [`weirctl get ${kind}`, listing.description],
    [`weirctl get ${kind} -o json`, "the same for a program"],
  ]);
}

/** A pod without a namespace is one of "default", as in kubectl. */
function qualify(kind: string, name: string): string {
  return kind === "pods" && !name.includes("/") ? `default/${name}` : name;
}
