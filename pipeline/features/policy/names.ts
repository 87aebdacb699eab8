import { type Ip, isIpv4 } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import type { Rule, Rules } from "../../index/rules.ts";
import { CT_MARK } from "../../layout/conntrack.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { SOURCE } from "../../layout/registers.ts";
import { TOLD } from "../../layout/told.ts";
import type { Port, View } from "../../model/model.ts";
import { matchMark } from "../connections.ts";
import { alsoMatchRegister, ETH_TYPE, fromSource, goto, IP_PROTO, matchRegister, toAddress } from "../vocabulary.ts";
import { ownersOf, policyFlow } from "./conjunctions.ts";
import { STAGES, tablesOf } from "./stages.ts";

const DNS_PORT = 53;
const WAIT_FOR_READING: Action = { type: "controller", pause: true, userdata: Uint8Array.of(TOLD.answer) };

/** What the pod is told of names waits until the node process has read it: see controller/node/dns. */
export function deriveListening({ ofport, ips }: Port, rules: readonly Rule[]): readonly Contribution[] {
  const named = rules.filter(({ peers }) => (peers?.domains.length ?? 0) > 0);
  if (named.length === 0) return [];
  const to = alsoMatchRegister(matchRegister("outputPort", ofport), "isReply", 1);
  const actions: readonly Action[] = [WAIT_FOR_READING, goto("Commit")];
  const families = new Set(ips.map((ip) => (isIpv4(ip) ? ETH_TYPE.ipv4 : ETH_TYPE.ipv6)));
  return [...families].flatMap((eth_type) =>
    [
      { nw_proto: IP_PROTO.udp, udp_src: DNS_PORT },
      { nw_proto: IP_PROTO.tcp, tcp_src: DNS_PORT },
    ].map((from) => {
      const spec = { eth_type, ...to, ...from };
      return policyFlow("policies/answer", "IngressAdmin", PRIORITY.listen, spec, actions, ownersOf(named));
    }),
  );
}

/** Rules that name what has an address now. */
export function rulesNaming(ip: Ip, view: View, rules: Rules): Iterable<Rule> {
  return rulesOf(view.domains.patternsAt(ip), rules);
}

function* rulesOf(patterns: Iterable<string>, rules: Rules): Iterable<Rule> {
  for (const pattern of patterns) yield* rules.ofDomain(pattern);
}

/**
 * Of an address that was a name's: connections of before go on, and it is counted when one of them last sent something. `rules` name
 * it as it is.
 */
export function deriveLapsed(
  ip: Ip,
  rules: ReadonlySet<Rule>,
  part: (spec: MatchSpec, among: Iterable<Rule>) => readonly Contribution[],
  view: View,
): readonly Contribution[] {
  const lapsed = [...new Set(rulesOf(view.domains.lapsedPatternsAt(ip), view.rules)).difference(rules)];
  if (lapsed.length === 0) return [];
  const known = matchMark(CT_MARK.known);
  const spec = { ...fromSource(SOURCE.pod), ...known, ...toAddress(ip) };
  const [first] = tablesOf(STAGES.egress);
  return [
    ...part(known, lapsed),
    policyFlow("policies/lapsed", "Endpoint", PRIORITY.rule, spec, [goto(first)], ownersOf(lapsed)),
  ];
}
