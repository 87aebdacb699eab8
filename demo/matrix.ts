import { styleText } from "node:util";
import type { ProbeReply } from "./prober.ts";

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

export interface Endpoint {
  /** "shop/web", "alpha", "outside", "service shop/web". */
  readonly label: string;
  readonly kind: "pod" | "node" | "outside" | "service";
  readonly node?: string;
  readonly addresses: Readonly<Partial<Record<Family, string>>>;
  readonly service?: {
    readonly port: number;
    /** Labels of the pods behind it. */
    readonly backends: readonly string[];
  };
}

/** One from which probes can be sent. */
export interface Place extends Endpoint {
  readonly netns: string;
}

export interface Cell {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly family: Family;
  readonly reply: ProbeReply;
  /** Why the cell is not as it should be; undefined when it is. */
  readonly fault: string | undefined;
}

export interface Pair {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly family: Family;
}

/** Everything that can be tried: pods and nodes to each other, to services and to the outside, in each family that both ends have. */
export function* pairsOf(endpoints: readonly Endpoint[]): Generator<Pair> {
  for (const from of endpoints) {
    if (from.kind === "outside" || from.kind === "service") continue;
    for (const to of endpoints)
      for (const family of FAMILIES) {
        const pair = { from, to, family };
        if (from !== to && carries(from, family) && carries(to, family) && canLeave(pair, endpoints)) yield pair;
      }
  }
}

function carries({ addresses }: Endpoint, family: Family): boolean {
  return addresses[family] !== undefined;
}

/** A pod leaves the cluster under its node's address, so in the families that its node has. */
function canLeave({ from, to, family }: Pair, endpoints: readonly Endpoint[]): boolean {
  if (from.kind !== "pod" || to.kind !== "outside") return true;
  const node = endpoints.find(({ kind, label }) => kind === "node" && label === from.node);
  return node === undefined || carries(node, family);
}

/** What the policies say of a ping and of a connection; undefined where that depends on the sender's choice of an address. */
export interface Allowed {
  readonly ping: boolean | undefined;
  readonly tcp: boolean | undefined;
}

export const EVERYTHING_ALLOWED: Allowed = { ping: true, tcp: true };

/**
 * What passes is what policies allow. A pod is seen under its own address by pods and nodes, through a service too, and under its
 * node's by the outside. What a node is seen as is its kernel's choice, and a pod cannot meet itself under its own address.
 */
export function judgeCell(
  from: Endpoint,
  to: Endpoint,
  family: Family,
  reply: ProbeReply,
  nodes: readonly Endpoint[],
  allowed: Allowed = EVERYTHING_ALLOWED,
): Cell {
  const expected =
    from.kind !== "pod" || to.service?.backends.includes(from.label)
      ? undefined
      : to.kind === "outside"
        ? nodes.find(({ label }) => label === from.node)?.addresses[family]
        : from.addresses[family];
  return { from, to, family, reply, fault: findFault(reply, allowed, expected) };
}

function findFault(
  { ping, seenAs, error }: ProbeReply,
  allowed: Allowed,
  expected: string | undefined,
): string | undefined {
  if (allowed.ping === true && ping === undefined) return "no answer to ping";
  if (allowed.ping === false && ping !== undefined) return "an answer to a ping that policies deny";
  if (allowed.tcp === true && seenAs === undefined) return `TCP: ${error ?? "no answer"}`;
  if (allowed.tcp === false && seenAs !== undefined) return "a connection that policies deny";
  if (seenAs === undefined || expected === undefined || seenAs === expected) return undefined;
  return `seen as ${seenAs}, should be ${expected}`;
}

export function formatMatrix(endpoints: readonly Endpoint[], cells: readonly Cell[], colour: boolean): string {
  const paint = (style: "green" | "red" | "dim" | "bold", text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const byKey = new Map(cells.map((cell) => [keyOf(cell.from, cell.to, cell.family), cell]));
  const pods = endpoints.filter(({ kind }) => kind === "pod");
  const heads = endpoints.map((endpoint) =>
    endpoint.kind === "pod" ? String(pods.indexOf(endpoint) + 1) : endpoint.label,
  );
  const widths = heads.map((head) => Math.max(5, head.length + 1));
  const rows = endpoints.filter(({ kind }) => kind === "pod" || kind === "node");
  const names = rows.map((row) => nameRow(row, pods.indexOf(row) + 1));
  const left = Math.max(...names.map((name) => name.length)) + 2;

  const mark = (from: Endpoint, to: Endpoint, family: Family): string => {
    const cell = byKey.get(keyOf(from, to, family));
    if (cell === undefined) return paint("dim", from === to ? "-" : " ");
    if (cell.fault !== undefined) return paint("red", "✗");
    return cell.reply.seenAs === undefined ? paint("dim", "·") : paint("green", "✓");
  };
  const lines = rows.map((from, index) => {
    const marks = endpoints.map(
      (to, column) => `${mark(from, to, 4)} ${mark(from, to, 6)}${" ".repeat(widths[column]! - 3)}`,
    );
    return `  ${names[index]!.padEnd(left)}${marks.join("")}`;
  });
  const header = `  ${"from".padEnd(left)}${heads.map((head, column) => head.padEnd(widths[column]!)).join("")}`;
  return [paint("bold", header.trimEnd()), ...lines.map((line) => line.trimEnd()), "", summary(cells)].join("\n");
}

function nameRow({ kind, label, node, addresses }: Endpoint, number: number): string {
  const own = FAMILIES.map((family) => addresses[family] ?? "")
    .join(" ")
    .trim();
  return kind === "pod" ? `${number} ${label} on ${node}: ${own}` : `${label}: ${own}`;
}

function summary(cells: readonly Cell[]): string {
  const faults = cells.filter(({ fault }) => fault !== undefined);
  const pings = cells.flatMap(({ reply }) => (reply.ping === undefined ? [] : [reply.ping])).sort((a, b) => a - b);
  const denied = cells.some(({ fault, reply }) => fault === undefined && reply.seenAs === undefined);
  const lines = [
    "  Each cell is IPv4 and IPv6. ✓: a ping came back, a TCP connection opened, and its other end saw the right source address.",
    ...(denied ? ["  ·: no connection opened, as the policies have it."] : []),
    `  ${cells.length - faults.length} of ${cells.length} as they should be; median ping ${pings[pings.length >> 1]?.toFixed(2) ?? "-"} ms.`,
    ...faults.map(
      ({ from, to, family, fault }) => `  ✗ ${from.label} -> ${to.label} ${to.addresses[family]}: ${fault}`,
    ),
  ];
  return lines.join("\n");
}

function keyOf(from: Endpoint, to: Endpoint, family: Family): string {
  return `${from.label} ${to.label} ${family}`;
}
