import { type Cidr, parseCidr } from "#base/address.ts";
import { HIGHEST_POLICY_PRIORITY, MOST_RULES } from "../layout/levels.ts";
import { normaliseDomain } from "../model/domain.ts";
import { EVERYTHING } from "../model/label-selector.ts";
import {
  type ClusterNetworkPolicy,
  type ClusterPolicyPeer,
  type ClusterPolicyRule,
  createNetworkPeer,
  createSelection,
  type Direction,
  EVERY_POD,
  type PodSelection,
  type PolicyPort,
  type RuleVerdict,
} from "../model/policy.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import { NETWORK } from "./network-policy.ts";
import { readPolicyExtras } from "./policy-extras.ts";
import { HIGHEST_PORT, isPortName } from "./port.ts";
import type { Reader } from "./reader.ts";
import { readSelector, readSelectorOrAll } from "./selector.ts";

const TIER_OF = new Map<unknown, ClusterNetworkPolicy["tier"]>([
  ["Admin", "admin"],
  ["Baseline", "baseline"],
]);
const VERDICT_OF = new Map<unknown, RuleVerdict>([
  ["Accept", "accept"],
  ["Deny", "deny"],
  ["Pass", "pass"],
]);
const PEERS = {
  ingress: { field: "from", kinds: ["namespaces", "pods"] },
  egress: { field: "to", kinds: ["namespaces", "pods", "nodes", "networks", "domainNames"] },
} as const satisfies Record<Direction, { readonly field: string; readonly kinds: readonly string[] }>;
type PeerKind = (typeof PEERS)[Direction]["kinds"][number];

/** RFC 1035, 2.3.4, as text with a dot at its end, and "*." before it. */
const LONGEST_NAME = 256;
/** One or more labels; the first may stand for any number of them. */
const DOMAIN_NAME = /^(\*\.)?([a-z0-9]([-_a-z0-9]*[a-z0-9])?\.)+[a-z0-9]([-_a-z0-9]*[a-z0-9])?\.?$/i;

/**
 * policy.networking.k8s.io/v1alpha2. What is wrong fails closed as that API has it: of a rule that nobody can read, Accept
 * matches nothing, Deny and Pass deny everything. A policy around whose rules something is wrong accepts nothing and denies what
 * they would deny or pass, first of all or for every pod where nobody can say when or for whom.
 */
export function readClusterNetworkPolicy(reader: Reader, key: string): ClusterNetworkPolicy {
  const spec = reader.inside("spec", reader.at("spec") ?? {});
  spec.only("tier", "priority", "subject", "ingress", "egress");
  const tier = TIER_OF.get(spec.at("tier"));
  if (tier === undefined) spec.refuse("tier", spec.at("tier"), "Admin or Baseline");
  const priority = requireNumber(spec, "priority", 0, HIGHEST_POLICY_PRIORITY);
  const subject = readSubject(spec.inside("subject", spec.at("subject")));
  const isClear = spec.problems.length === 0;
  const extras = readPolicyExtras(reader, "ClusterNetworkPolicy");
  const rules = (direction: Direction): readonly ClusterPolicyRule[] => {
    const read = readRules(spec, direction);
    return isClear ? read : read.map(withoutAccepting);
  };
  return {
    kind: "ClusterNetworkPolicy",
    name: key,
    uid: reader.text("metadata.uid") ?? "",
    generation: reader.number("metadata.generation", 0, Number.MAX_SAFE_INTEGER) ?? 0,
    tier: tier ?? "admin",
    priority: priority ?? 0,
    subject: subject ?? EVERY_POD,
    ingress: rules("ingress"),
    egress: rules("egress"),
    ...(extras && { extras }),
  };
}

/** A rule that may hold for others than it would, or before others: it must open nothing. */
function withoutAccepting(rule: ClusterPolicyRule): ClusterPolicyRule {
  return rule.verdict === "accept" ? { ...rule, peers: [] } : { ...rule, verdict: "deny" };
}

/** Undefined when anything in it is wrong. */
function readSubject(subject: Reader): PodSelection | undefined {
  const kind = onlyOneOf(subject, ["namespaces", "pods"]);
  return kind === undefined ? undefined : readPods(subject, kind);
}

/** The list's own form is told apart from its rules: a list that is none has no rules to fail closed. */
function readRules(spec: Reader, direction: Direction): readonly ClusterPolicyRule[] {
  const list = spec.at(direction);
  if (list !== undefined && !Array.isArray(list)) {
    spec.refuse(direction, list, "a list");
    return [DENY_ALL];
  }
  const rules = spec.list(direction).map((rule, i) => readRule(spec.inside(`${direction}[${i}]`, rule), direction));
  if (rules.length <= MOST_RULES) return rules;
  spec.report(direction, `has ${rules.length} rules; at most ${MOST_RULES} are expected, the others in another policy`);
  // Those behind the last that has a place cannot accept in time, and deny rather than too late.
  return rules.map((rule, i) => (i < MOST_RULES ? rule : withoutAccepting(rule)));
}

const DENY_ALL: ClusterPolicyRule = { name: undefined, verdict: "deny", peers: undefined, ports: undefined };

function readRule(rule: Reader, direction: Direction): ClusterPolicyRule {
  const { field } = PEERS[direction];
  rule.only("name", "action", field, "protocols");
  const name = rule.text("name");
  const verdict = VERDICT_OF.get(rule.at("action"));
  if (verdict === undefined) rule.refuse("action", rule.at("action"), "Accept, Deny or Pass");
  const peers = requireList(rule, field).flatMap((peer, i) =>
    readPeer(rule.inside(`${field}[${i}]`, peer), direction, verdict),
  );
  const ports =
    rule.at("protocols") === undefined
      ? undefined
      : requireList(rule, "protocols").flatMap((one, i) => readProtocol(rule.inside(`protocols[${i}]`, one)));
  if (ports?.some(({ port }) => typeof port === "string") && peers.some(({ type }) => type !== "pods"))
    rule.report("protocols", "names a port beside peers that are no pods, which name none; write the port's number");
  if (verdict !== undefined && rule.problems.length === 0) return { name, verdict, peers, ports };
  return verdict === "accept" ? { ...DENY_ALL, name, verdict, peers: [] } : { ...DENY_ALL, name };
}

/** What is wrong with it is the rule's problem, so what comes back then is of no account. */
function readPeer(peer: Reader, direction: Direction, verdict: RuleVerdict | undefined): readonly ClusterPolicyPeer[] {
  const kind = onlyOneOf<PeerKind>(peer, PEERS[direction].kinds);
  switch (kind) {
    case undefined:
      return [];
    case "namespaces":
    case "pods": {
      const selection = readPods(peer, kind);
      return selection === undefined ? [] : [{ type: "pods", selection }];
    }
    case "nodes": {
      const nodes = readSelector(peer, "nodes");
      return nodes === undefined ? [] : [{ type: "nodes", nodes }];
    }
    case "networks":
      return readNetworks(peer).map((cidr) => createNetworkPeer(cidr, []));
    case "domainNames":
      return readDomainNames(peer, verdict);
  }
}

function readPods(reader: Reader, kind: "namespaces" | "pods"): PodSelection | undefined {
  if (kind === "namespaces") {
    const namespaces = readSelector(reader, "namespaces");
    return namespaces === undefined ? undefined : createSelection(namespaces, EVERYTHING);
  }
  const both = reader.inside("pods", reader.at("pods"));
  both.only("namespaceSelector", "podSelector");
  // The API lets it be absent, and says then what it says of an empty one.
  const namespaces = readSelectorOrAll(both, "namespaceSelector");
  const pods = readSelector(both, "podSelector");
  return namespaces === undefined || pods === undefined ? undefined : createSelection(namespaces, pods);
}

function readNetworks(peer: Reader): readonly Cidr[] {
  const networks = requireList(peer, "networks").map((text, i) =>
    peer.parsed(`networks[${i}]`, text, parseCidr, NETWORK),
  );
  return networks.filter((cidr) => cidr !== undefined);
}

/** Nobody knows all addresses of a name, so no rule can deny it. */
function readDomainNames(peer: Reader, verdict: RuleVerdict | undefined): readonly ClusterPolicyPeer[] {
  const patterns = requireList(peer, "domainNames").map((name, i) =>
    peer.parsed(`domainNames[${i}]`, name, parsePattern, "a domain's name such as kubernetes.io or *.kubernetes.io"),
  );
  if (verdict !== "accept")
    peer.report(
      "domainNames",
      "are for Accept rules alone, and the rule denies everything; write the addresses as networks",
    );
  return patterns.filter((pattern) => pattern !== undefined).map((pattern) => ({ type: "domain", pattern }));
}

function parsePattern(text: string): string | undefined {
  return text.length <= LONGEST_NAME && DOMAIN_NAME.test(text) ? normaliseDomain(text) : undefined;
}

/** Of a name nobody says the protocol: it is that of the container's port. */
function readProtocol(reader: Reader): readonly PolicyPort[] {
  const kind = onlyOneOf(reader, ["tcp", "udp", "sctp", "destinationNamedPort"]);
  if (kind === undefined) return [];
  if (kind !== "destinationNamedPort") {
    const protocol = PROTOCOLS[PROTOCOL_NAMES.find((name) => name.toLowerCase() === kind)!];
    const port = readDestinationPort(reader.inside(kind, reader.at(kind)));
    return port === undefined ? [] : [{ protocol, port }];
  }
  const name = reader.at(kind);
  if (isPortName(name)) return PROTOCOL_NAMES.map((one) => ({ protocol: PROTOCOLS[one], port: name }));
  reader.refuse(kind, name, "the name of a container's port such as http");
  return [];
}

function readDestinationPort(protocol: Reader): PolicyPort["port"] {
  if (onlyOneOf(protocol, ["destinationPort"]) === undefined) return undefined;
  const port = protocol.inside("destinationPort", protocol.at("destinationPort"));
  const kind = onlyOneOf(port, ["number", "range"]);
  if (kind === undefined) return undefined;
  if (kind === "number") {
    const number = requireNumber(port, "number", 1, HIGHEST_PORT);
    return number === undefined ? undefined : { from: number, to: number };
  }
  const range = port.inside("range", port.at("range"));
  range.only("start", "end");
  const from = requireNumber(range, "start", 1, HIGHEST_PORT - 1);
  const to = from === undefined ? undefined : requireNumber(range, "end", from + 1, HIGHEST_PORT);
  return from === undefined || to === undefined ? undefined : { from, to };
}

/** The one field that is there. None at all is one that this API's version does not know. */
function onlyOneOf<T extends string>(reader: Reader, fields: readonly T[]): T | undefined {
  reader.only(...fields);
  if (reader.problems.length > 0) return undefined;
  const [first, ...others] = fields.filter((field) => reader.at(field) !== undefined);
  if (first !== undefined && others.length === 0) return first;
  const expected = fields.length === 1 ? fields[0] : `exactly one of ${fields.join(", ")}`;
  return void reader.report(
    "",
    `has ${first === undefined ? "nothing of what" : "more than what"} is expected: ${expected}`,
  );
}

function requireList(reader: Reader, field: string): readonly unknown[] {
  const list = reader.at(field);
  if (list === undefined || (Array.isArray(list) && list.length === 0))
    reader.refuse(field, list, "a list of one at least");
  return reader.list(field);
}

function requireNumber(reader: Reader, field: string, lowest: number, highest: number): number | undefined {
  if (reader.at(field) === undefined)
    return void reader.refuse(field, undefined, `a whole number from ${lowest} to ${highest}`);
  return reader.number(field, lowest, highest);
}
