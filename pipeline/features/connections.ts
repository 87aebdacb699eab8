import type { Action } from "#openflow/actions.ts";
import { METER_FLAGS } from "#openflow/flow.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution, Feature } from "../feature.ts";
import { CT_LABEL, CT_MARK, LOOKED_AT, ZONE } from "../layout/conntrack.ts";
import { DEFAULT_DENIAL_SAMPLES, DENIAL_BYTES, METERS } from "../layout/meters.ts";
import { PRIORITY } from "../layout/priorities.ts";
import { REGISTERS, SOURCE } from "../layout/registers.ts";
import type { Site } from "../layout/sites.ts";
import { TABLES, type TableName } from "../layout/tables.ts";
import { DIRECTIONS } from "../model/policy.ts";
import type { Owner } from "../owner.ts";
import type { Settings } from "../settings.ts";
import { STAGES, tablesOf } from "./policy/stages.ts";
import {
  contributeFlow,
  ctState,
  ETH_TYPE,
  fromSource,
  goto,
  matchRegister,
  registerField,
  STATE,
  setRegister,
} from "./vocabulary.ts";

export const WEIR: Owner = { kind: "Weir", name: "base" };
export const FAMILIES = [ETH_TYPE.ipv4, ETH_TYPE.ipv6];

/**
 * Every connection is tracked, whether a policy looks at it or not: one that comes later finds connections whose direction is
 * known. The side that began is asked with each packet, the other only passes while nothing denied the first.
 */
export function createConnectionsFeature(settings: Settings): Feature {
  const kept = settings.establishedConnections === "keep" ? keep() : [];
  const contributions = [...track(), ...classify(), ...kept, ...commit(), ...deny(), limitSamples(settings)];
  return { name: "connections", always: ["all"], affected: () => [], derive: () => contributions };
}

function flow(
  site: Site,
  table: TableName,
  priority: number,
  spec: MatchSpec,
  actions: readonly Action[],
): Contribution {
  return contributeFlow([WEIR], site, table, priority, spec, actions);
}

function track(): readonly Contribution[] {
  const lookUp: Action = { type: "ct", zone: ZONE, nat: true, table: TABLES.ConnectionState.id };
  return [
    ...FAMILIES.map((eth_type) => flow("connections/track", "Conntrack", PRIORITY.fallback, { eth_type }, [lookUp])),
    flow("base/miss", "Conntrack", PRIORITY.miss, {}, []),
  ];
}

function classify(): readonly Contribution[] {
  const state = (site: Site, priority: number, spec: MatchSpec, actions: readonly Action[]): Contribution =>
    flow(site, "ConnectionState", priority, spec, actions);
  const pass = [setRegister("isReply", 1), goto("Route")];
  const denied = matchMark(CT_MARK.denied);
  const reply = ctState(STATE.rpl);
  const related = ctState(STATE.rel, STATE.rpl);
  return [
    state("connections/invalid", PRIORITY.forbid, ctState(STATE.inv), []),
    state("connections/denied", PRIORITY.except, { ...reply, ...denied }, []),
    state("connections/denied", PRIORITY.except, { ...related, ...denied }, []),
    // Translated before a policy was asked, and never let through: nobody has asked for what looks like an answer.
    state("connections/denied", PRIORITY.except, { ...reply, ...matchMark(0, CT_MARK.known) }, []),
    state("connections/reply", PRIORITY.address, reply, pass),
    state("connections/reply", PRIORITY.address, related, pass),
    state("connections/next", PRIORITY.miss, {}, [goto("Endpoint")]),
    flow("connections/next", "Endpoint", PRIORITY.fallback, fromSource(SOURCE.pod), [goto(tablesOf(STAGES.egress)[0])]),
    flow("connections/next", "Endpoint", PRIORITY.miss, {}, [goto("Route")]),
    flow("connections/reply", "IngressAdmin", PRIORITY.exempt, matchRegister("isReply", 1), [goto("Commit")]),
    ...DIRECTIONS.flatMap((direction) => passOn(tablesOf(STAGES[direction]), STAGES[direction].next)),
  ];
}

/** No policy is asked about a connection that was let through once, and that none has come to forbid where they were asked. */
function keep(): readonly Contribution[] {
  const known = { ...ctState(0, STATE.rel | STATE.rpl), ...matchMark(CT_MARK.known, CT_MARK.denied) };
  return DIRECTIONS.map((direction) =>
    flow("connections/keep", tablesOf(STAGES[direction])[0], PRIORITY.exempt, known, [goto(STAGES[direction].next)]),
  );
}

/** What no rule of a table has taken is the next table's, and what none of any has taken is let through. */
function passOn(tables: readonly TableName[], last: TableName): readonly Contribution[] {
  return tables.map((table, i) => flow("connections/next", table, PRIORITY.miss, {}, [goto(tables[i + 1] ?? last)]));
}

function commit(): readonly Contribution[] {
  const known: Action = { type: "set_field", field: "ct_mark", value: CT_MARK.known };
  const rules = [move("egressRule", CT_LABEL.egressRule.start), move("ingressRule", CT_LABEL.ingressRule.start)];
  const remember = ct([known, ...rules]);
  const forgive = ct([known]);
  const unknown = matchMark(0, CT_MARK.known | CT_MARK.denied | LOOKED_AT.letThrough);
  return [
    ...FAMILIES.flatMap((eth_type) => [
      // Not only new ones: a service's connection is known to conntrack before a policy lets it through.
      flow("connections/commit", "Commit", PRIORITY.address, { eth_type, ...ctState(0, STATE.rpl), ...unknown }, [
        remember,
        goto("SourceNat"),
      ]),
      flow("connections/denied", "Commit", PRIORITY.except, { eth_type, ...matchMark(CT_MARK.denied) }, [
        forgive,
        goto("SourceNat"),
      ]),
    ]),
    flow("connections/next", "Commit", PRIORITY.miss, {}, [goto("SourceNat")]),
  ];
}

/**
 * The node process is told of packets up to the meter's rate: of each that would begin a connection, and of the first with which
 * one is cut that conntrack knows; of others nothing is to be kept. Without a node process all are dropped just the same.
 */
function deny(): readonly Contribution[] {
  const denied = (priority: number, spec: MatchSpec, actions: readonly Action[]): Contribution =>
    flow("connections/denied", "Deny", priority, spec, actions);
  return [
    ...FAMILIES.flatMap((eth_type) => [
      denied(PRIORITY.except, { eth_type, ...matchMark(CT_MARK.denied, LOOKED_AT.denied) }, []),
      denied(PRIORITY.address, { eth_type, ...matchMark(CT_MARK.known, CT_MARK.denied | LOOKED_AT.denied) }, [
        TELL_DENIAL,
        NOTE_DENIED,
      ]),
      flow("connections/deny", "Deny", PRIORITY.fallback, { eth_type }, [TELL_DENIAL]),
    ]),
    flow("base/miss", "Deny", PRIORITY.miss, {}, []),
  ];
}

function limitSamples({ denialSamples = DEFAULT_DENIAL_SAMPLES }: Settings): Contribution {
  return limitPackets(METERS.denials.id, denialSamples, "connections/deny");
}

/** A meter that lets so many packets a second pass, and as many at once. */
export function limitPackets(
  meterId: number,
  perSecond: number,
  site: Site,
  owners: readonly Owner[] = [WEIR],
): Contribution {
  const flags = METER_FLAGS.pktps | METER_FLAGS.burst | METER_FLAGS.stats;
  const bands = [{ type: "drop", rate: perSecond, burst: perSecond }] as const;
  return { target: "meter", meter: { meterId, flags, bands }, site, owners };
}

/** With the first bit set and the second ones, if any, not. */
export function matchMark(set: number, unset = 0): MatchSpec {
  return { ct_mark: [set, set | unset] };
}

export const TELL_DENIAL: Action = { type: "controller", maxLength: DENIAL_BYTES, meterId: METERS.denials.id };
/** What is told of a packet is what conntrack knew before: the note comes behind. */
export const NOTE_DENIED: Action = ct([
  { type: "set_field", field: "ct_mark", value: CT_MARK.denied, mask: CT_MARK.denied },
]);

function ct(exec: readonly Action[]): Action {
  return { type: "ct", commit: true, zone: ZONE, exec };
}

function move(register: keyof typeof REGISTERS, start: number): Action {
  const { bits } = REGISTERS[register];
  return { type: "move", source: registerField(register), destination: { field: "ct_label", start, bits } };
}
