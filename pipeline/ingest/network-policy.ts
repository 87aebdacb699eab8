import { type Cidr, cidrContains, formatCidr, parseCidr } from "#base/address.ts";
import { EVERYTHING } from "../model/label-selector.ts";
import {
  createNetworkPeer,
  createSelection,
  DIRECTIONS,
  type Direction,
  type NetworkPolicy,
  type PolicyPeer,
  type PolicyPort,
  type PolicyRule,
} from "../model/policy.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import { createBlockReader } from "./network-blocks.ts";
import { readPolicyExtras } from "./policy-extras.ts";
import { HIGHEST_PORT, isPortName, isPortNumber } from "./port.ts";
import type { Reader } from "./reader.ts";
import { readSelector, readSelectorOrAll } from "./selector.ts";

const TYPE_NAMES = { ingress: "Ingress", egress: "Egress" } as const satisfies Record<Direction, string>;
const PEER_FIELDS = { ingress: "from", egress: "to" } as const satisfies Record<Direction, string>;
const PORT = `a port from 1 to ${HIGHEST_PORT}, or the name of one such as http,`;
export const NETWORK = "a network such as 10.0.0.0/8 or fd00::/8";

/**
 * networking.k8s.io/v1. What is wrong fails closed: a peer, a port or a rule allows nothing; a policy of which nobody can say
 * whom it selects isolates its whole namespace, and one of which nobody can say the direction isolates in both. What it says as
 * its former version did is the same value.
 */
export function readNetworkPolicy(reader: Reader, key: string, former: NetworkPolicy | undefined): NetworkPolicy {
  const [namespace = "", name = ""] = key.split("/");
  const spec = reader.inside("spec", reader.at("spec") ?? {});
  spec.only("podSelector", "policyTypes", ...DIRECTIONS);
  const isFormed = spec.problems.length === 0;
  const pods = readSelectorOrAll(spec, "podSelector");
  const types = readPolicyTypes(spec);
  const extras = readPolicyExtras(reader, "NetworkPolicy");
  const readDirection = (direction: Direction): readonly PolicyRule[] | undefined => {
    const rules = readRules(spec, direction, namespace, former?.[direction]);
    const isNamed = types.named.has(direction);
    if (isFormed && types.areKnown && !isNamed) return undefined;
    // Rules for pods that nobody can name, or in a direction that may not be meant, would open what other policies close.
    return isFormed && isNamed && pods !== undefined ? rules : [];
  };
  return {
    kind: "NetworkPolicy",
    namespace,
    name,
    uid: reader.text("metadata.uid") ?? "",
    generation: reader.number("metadata.generation", 0, Number.MAX_SAFE_INTEGER) ?? 0,
    subject: createSelection(namespace, isFormed && pods !== undefined ? pods : EVERYTHING),
    ingress: readDirection("ingress"),
    egress: readDirection("egress"),
    ...(extras && { extras }),
  };
}

/** The API server's defaults: Ingress always, Egress where the policy says anything of it. */
function readPolicyTypes(spec: Reader): { readonly named: ReadonlySet<Direction>; readonly areKnown: boolean } {
  const before = spec.problems.length;
  const types = spec.list("policyTypes");
  if (types.length > DIRECTIONS.length) spec.refuse("policyTypes", types, "no more than Ingress and Egress");
  const named = types.map((type, i) => {
    const direction = DIRECTIONS.find((one) => TYPE_NAMES[one] === type);
    if (direction === undefined) spec.refuse(`policyTypes[${i}]`, type, "Ingress or Egress");
    return direction;
  });
  const areKnown = spec.problems.length === before;
  if (!areKnown || types.length > 0) return { named: new Set(named.filter((one) => one !== undefined)), areKnown };
  const egress = spec.at("egress") ?? [];
  const saysNothing = Array.isArray(egress) && egress.length === 0;
  return { named: new Set(saysNothing ? ["ingress"] : DIRECTIONS), areKnown };
}

function readRules(
  spec: Reader,
  direction: Direction,
  namespace: string,
  former: readonly PolicyRule[] | undefined,
): readonly PolicyRule[] {
  return spec
    .list(direction)
    .map((rule, i) =>
      readRule(spec.inside(`${direction}[${i}]`, rule), PEER_FIELDS[direction], namespace, former?.[i]?.peers),
    );
}

/** In the place of a rule that nobody can read: those behind it are known by their numbers in the object. */
const NOTHING: PolicyRule = { peers: [], ports: [] };

/** An empty list says what an absent one says: everybody, everything. One without anything right in it is another thing. */
function readRule(rule: Reader, peersField: string, namespace: string, former: readonly PolicyPeer[] = []): PolicyRule {
  rule.only(peersField, "ports");
  const peers = rule.list(peersField);
  const ports = rule.list("ports");
  if (rule.problems.length > 0) return NOTHING;
  const blocks = createBlockReader(former);
  const readPeers = () =>
    peers.map((peer, i) => blocks(peer) ?? readPeer(rule.inside(`${peersField}[${i}]`, peer), namespace));
  const readPorts = () => ports.map((port, i) => readPolicyPort(rule.inside(`ports[${i}]`, port)));
  return {
    peers: peers.length === 0 ? undefined : readPeers().filter((peer) => peer !== undefined),
    ports: ports.length === 0 ? undefined : readPorts().filter((port) => port !== undefined),
  };
}

function readPeer(peer: Reader, namespace: string): PolicyPeer | undefined {
  peer.only("podSelector", "namespaceSelector", "ipBlock");
  if (peer.problems.length > 0) return undefined;
  const selectsPods = peer.at("podSelector") !== undefined;
  const selectsNamespaces = peer.at("namespaceSelector") !== undefined;
  if (peer.at("ipBlock") !== undefined) {
    if (!selectsPods && !selectsNamespaces) return readIpBlock(peer.inside("ipBlock", peer.at("ipBlock")));
    return void peer.report("ipBlock", "stands beside a selector; a peer of its own is expected");
  }
  if (!selectsPods && !selectsNamespaces)
    return void peer.report("", "names nobody; one of podSelector, namespaceSelector and ipBlock is expected");
  const pods = readSelectorOrAll(peer, "podSelector");
  const namespaces = selectsNamespaces ? readSelector(peer, "namespaceSelector") : namespace;
  if (pods === undefined || namespaces === undefined) return undefined;
  return { type: "pods", selection: createSelection(namespaces, pods) };
}

function readIpBlock(block: Reader): PolicyPeer | undefined {
  block.only("cidr", "except");
  if (block.problems.length > 0) return undefined;
  const cidr = block.parsed("cidr", block.at("cidr"), parseCidr, NETWORK);
  const except = block.list("except").map((text, i) => {
    const field = `except[${i}]`;
    const one = block.parsed(field, text, parseCidr, NETWORK);
    if (one === undefined || cidr === undefined || isWithin(one, cidr)) return one;
    return void block.refuse(field, text, `a smaller network inside of ${formatCidr(cidr)}`);
  });
  if (cidr === undefined || block.problems.length > 0) return undefined;
  return createNetworkPeer(
    cidr,
    except.filter((one) => one !== undefined),
  );
}

function isWithin(inner: Cidr, outer: Cidr): boolean {
  return inner.prefixLength > outer.prefixLength && cidrContains(outer, inner.address);
}

function readPolicyPort(reader: Reader): PolicyPort | undefined {
  reader.only("protocol", "port", "endPort");
  if (reader.problems.length > 0) return undefined;
  const said = reader.at("protocol") ?? "TCP";
  const protocol = PROTOCOL_NAMES.find((name) => name === said);
  if (protocol === undefined) reader.refuse("protocol", said, PROTOCOL_NAMES.join(" or "));
  const port = readPortRange(reader);
  return protocol === undefined || reader.problems.length > 0 ? undefined : { protocol: PROTOCOLS[protocol], port };
}

function readPortRange(reader: Reader): PolicyPort["port"] {
  const port = reader.at("port");
  const last = reader.at("endPort");
  if (port === undefined || typeof port === "string") {
    if (port !== undefined && !isPortName(port)) reader.refuse("port", port, PORT);
    if (last !== undefined) reader.refuse("endPort", last, "nothing where port is no number");
    return port;
  }
  const from = isPortNumber(port) ? port : undefined;
  if (from === undefined) return void reader.refuse("port", port, PORT);
  const to = last === undefined ? from : reader.number("endPort", from, HIGHEST_PORT);
  return to === undefined ? undefined : { from, to };
}
