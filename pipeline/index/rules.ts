import type { Prefix } from "#base/prefixes.ts";
import type { Pod } from "../model/model.ts";
import type { Direction, Policy, PolicyId, RulePlace, RuleVerdict } from "../model/policy.ts";

/** Ports of a rule as a switch matches them: of a protocol, those under a prefix, or all; or what has none of its own. */
export interface RulePort {
  readonly protocol: number;
  readonly prefix: Prefix | "later fragments" | undefined;
}

/** Keys of selections, networks in text form, of which one may be there twice, and domains as policies write them, in lower case and without a dot at their end. */
export interface RulePeers {
  readonly selections: readonly string[];
  readonly networks: readonly string[];
  readonly domains: readonly string[];
}

/** A rule that holds only for those of its subjects, or of its peers, that call a port by the name. */
export interface NamedPort {
  readonly of: "subject" | "peer";
  /** As in Pod.ports: "TCP/http". */
  readonly name: string;
  readonly number: number;
}

/**
 * A rule of a policy that selects a pod of this node, as a conjunction: subject and peers and ports. A rule with named ports
 * is several, one for each number that pods give such a name.
 */
export interface Rule extends RulePlace {
  /** "default/web/ingress/0", "*cluster/guard/egress/3" of a policy for the whole cluster, and "/TCP/http=8080" behind it where a named port makes it one of several. */
  readonly key: string;
  /** conj_id. */
  readonly id: number;
  readonly policy: PolicyId;
  readonly index: number;
  readonly verdict: RuleVerdict;
  /** What it denies is refused. */
  readonly refuses: boolean;
  /** The node tells of each new connection on which it decides. */
  readonly logged: boolean;
  /** What bounds the new connections that it lets through; its policy's other rules have the same. */
  readonly limit: RateLimit | undefined;
  /** The key of the selection that the policy is for. */
  readonly subject: string;
  /** Undefined is everybody. */
  readonly peers: RulePeers | undefined;
  /** Undefined is every protocol. */
  readonly ports: readonly RulePort[] | undefined;
  readonly named: NamedPort | undefined;
}

/** New connections a second, and the meter that counts them. */
export interface RateLimit {
  readonly perSecond: number;
  readonly meterId: number;
}

/** A NetworkPolicy that isolates, and what it adds to that. */
export interface Isolation extends PolicyId {
  readonly refuses: boolean;
  readonly logged: boolean;
}

/** The rules of this node, found by their parts. */
export interface Rules {
  all(): Iterable<Rule>;
  rule(key: string): Rule | undefined;
  /** By conj_id. */
  withId(id: number): Rule | undefined;
  ofSubject(selectionKey: string): Iterable<Rule>;
  ofPeer(selectionKey: string): Iterable<Rule>;
  ofNetwork(network: string): Iterable<Rule>;
  ofDomain(pattern: string): Iterable<Rule>;
  ofPort(portKey: string): Iterable<Rule>;
  /** The ports of all rules: see formatRulePort. */
  portKeys(): Iterable<string>;
  /** NetworkPolicies that isolate the pods of a selection. */
  isolating(selectionKey: string, direction: Direction): Iterable<Isolation>;
  /** Any policy of the cluster that refuses what it denies. */
  anyRefuses(): boolean;
  /** Any of which some decision is logged. */
  anyLogged(): boolean;
  /** Policies of which nobody can say whether they select a pod: it is not known yet, or its namespace is not. */
  unclear(podKey: string, pod: Pod | undefined, direction: Direction): Iterable<Policy>;
  /** The pods of this node that the subject of a policy selects. */
  subjectsHere(selectionKey: string): Iterable<string>;
  /** Names of the ports that a pod ("namespace/name") has on this node. */
  portsOf(podKey: string): Iterable<string>;
}

/** A rule came, went, or became another: some of its parts differ. */
export interface RuleChange {
  readonly kind: "Rule";
  readonly key: string;
  readonly before: Rule | undefined;
  readonly after: Rule | undefined;
}

/** A pod of this node is isolated by other policies than before, or was not known and is. */
export interface SubjectChange {
  readonly kind: "Subject";
  /** The port's name. */
  readonly key: string;
}

/** The same of the rules that would count, were all staging over. */
export type StagedRuleChange = Omit<RuleChange, "kind"> & { readonly kind: "StagedRule" };
export type StagedSubjectChange = Omit<SubjectChange, "kind"> & { readonly kind: "StagedSubject" };

/** The rules that would count, were all staging over: for the pods of this node that staged policies select, and no others. */
export interface StagedRules extends Rules {
  isAny(): boolean;
  /** The same, or there was one before the last changes. */
  isUsed(): boolean;
  /** The staged policies that select a pod and have a say in a direction. */
  stagingOf(podKey: string, direction: Direction): Iterable<Policy>;
}

/** "17" is all of UDP, "17/53/65535" its port 53, "17/later" what follows the first fragment of a datagram. */
export function formatRulePort({ protocol, prefix }: RulePort): string {
  if (prefix === undefined) return `${protocol}`;
  return prefix === "later fragments" ? `${protocol}/later` : `${protocol}/${prefix.value}/${prefix.mask}`;
}

/** The other way round. */
export function readRulePort(text: string): RulePort {
  const [protocol, value, mask] = text.split("/");
  if (value === undefined) return { protocol: Number(protocol), prefix: undefined };
  const prefix = value === "later" ? "later fragments" : { value: Number(value), mask: Number(mask) };
  return { protocol: Number(protocol), prefix };
}
