import type {
  Action,
  ActionOf,
  ActionType,
  EncapProperty,
  LegacySetter,
  OlderAction,
  Subfield,
} from "#openflow/actions.ts";
import { OFPP } from "#openflow/ports.ts";
import { formatCt } from "./format-ct.ts";
import { formatLearn } from "./format-learn.ts";
import { formatPort, formatTable, isReservedPort, type NameOptions } from "./names.ts";
import { formatSubfield } from "./subfield.ts";
import { formatEthernet, formatHex, formatIpv4, formatValue } from "./values.ts";
import { formatBytes, joinWords } from "./words.ts";

/** Actions as `ovs-ofctl dump-flows` prints them behind "actions=". */
export function formatActions(actions: readonly Action[], names: NameOptions = {}): string {
  return actions.length === 0 ? "drop" : actions.map((action) => formatAction(action, names)).join(",");
}

type Format<T extends ActionType> = (action: ActionOf<T>, names: NameOptions) => string;
type Formats = { readonly [T in ActionType]: Format<T> };

function formatAction(action: Action, names: NameOptions): string {
  // The table pairs each type with its own format; TypeScript cannot see the pair through the index.
  return (FORMATS[action.type] as Format<ActionType>)(action, names);
}

const WHOLE_PACKET = 0xffff;
const typeOnly = ({ type }: Action) => type;
const fourDigits = (value: number) => `0x${value.toString(16).padStart(4, "0")}`;

const LEGACY: { readonly [T in LegacySetter]: Format<T> } = {
  set_vlan_vid: ({ value }) => `set_vlan_vid:${value}`,
  set_vlan_pcp: ({ value }) => `set_vlan_pcp:${value}`,
  mod_dl_src: ({ value }) => `mod_dl_src:${formatEthernet(value)}`,
  mod_dl_dst: ({ value }) => `mod_dl_dst:${formatEthernet(value)}`,
  mod_nw_src: ({ value }) => `mod_nw_src:${formatIpv4(value)}`,
  mod_nw_dst: ({ value }) => `mod_nw_dst:${formatIpv4(value)}`,
  mod_nw_tos: ({ value }) => `mod_nw_tos:${value}`,
  mod_nw_ecn: ({ value }) => `mod_nw_ecn:${value}`,
  mod_tp_src: ({ value }) => `mod_tp_src:${value}`,
  mod_tp_dst: ({ value }) => `mod_tp_dst:${value}`,
  set_mpls_label: ({ value }) => `set_mpls_label(${value})`,
  set_mpls_tc: ({ value }) => `set_mpls_tc(${value})`,
};

const OLDER: { readonly [T in OlderAction["type"]]: Format<T> } = {
  enqueue: ({ port, queueId }, names) => `enqueue:${formatPort(port, names)}:${queueId}`,
  mod_vlan_vid: ({ value }) => `mod_vlan_vid:${value}`,
  mod_vlan_pcp: ({ value }) => `mod_vlan_pcp:${value}`,
  strip_vlan: typeOnly,
};

const FORMATS: Formats = {
  ...LEGACY,
  ...OLDER,
  output: formatOutput,
  output_reg: ({ source }, names) => `output:${formatSubfield(source, names)}`,
  output_trunc: ({ port, maxLength }, names) => `output(port=${formatPort(port, names)},max_len=${maxLength})`,
  group: ({ groupId }) => `group:${groupId}`,
  controller: formatController,
  bundle: (bundle, names) => `bundle(${formatBundle(bundle, names)})`,
  bundle_load: (bundle, names) => `bundle_load(${formatBundle(bundle, names)})`,
  set_queue: ({ queueId }) => `set_queue:${queueId}`,
  pop_queue: typeOnly,
  push_vlan: ({ etherType }) => `push_vlan:${formatHex(etherType)}`,
  pop_vlan: typeOnly,
  push_mpls: ({ etherType }) => `push_mpls:${fourDigits(etherType)}`,
  pop_mpls: ({ etherType }) => `pop_mpls:${fourDigits(etherType)}`,
  encap: formatEncap,
  decap: ({ packetType }) => `decap(${packetType === undefined ? "" : formatPacketType(packetType)})`,
  dec_ttl: ({ controllers }) => (controllers === undefined ? "dec_ttl" : `dec_ttl(${controllers.join(",")})`),
  dec_mpls_ttl: typeOnly,
  dec_nsh_ttl: typeOnly,
  mod_nw_ttl: ({ ttl }) => `mod_nw_ttl:${ttl}`,
  set_mpls_ttl: ({ ttl }) => `set_mpls_ttl(${ttl})`,
  set_tunnel: ({ value }) => `set_tunnel:${formatHex(value)}`,
  set_tunnel64: ({ value }) => `set_tunnel64:${formatHex(value)}`,
  set_field: ({ field, value, mask }, names) => `set_field:${formatValue(field, value, mask, names)}->${field}`,
  move: ({ source, destination }, names) =>
    `move:${formatSubfield(source, names)}->${formatSubfield(destination, names)}`,
  load: ({ value, destination }, names) => `load:${formatHex(value)}->${formatSubfield(destination, names)}`,
  push: ({ field }, names) => `push:${formatSubfield(field, names)}`,
  pop: ({ field }, names) => `pop:${formatSubfield(field, names)}`,
  delete_field: ({ field }) => `delete_field:${field}`,
  check_pkt_larger: ({ length, destination }, names) =>
    `check_pkt_larger(${length})->${formatSubfield(destination, names)}`,
  multipath: ({ fields, basis, algorithm, links, argument, destination }, names) =>
    `multipath(${fields},${basis},${algorithm},${links},${argument},${formatSubfield(destination, names)})`,
  resubmit: formatResubmit,
  conjunction: ({ id, clause, clauses }) => `conjunction(${id},${clause}/${clauses})`,
  learn: formatLearn,
  fin_timeout: ({ idleTimeout, hardTimeout }) =>
    `fin_timeout(${joinWords([
      idleTimeout === 0 ? undefined : `idle_timeout=${idleTimeout}`,
      hardTimeout === 0 ? undefined : `hard_timeout=${hardTimeout}`,
    ])})`,
  clone: ({ actions }, names) => `clone(${formatActions(actions, names)})`,
  exit: typeOnly,
  meter: ({ meterId }) => `meter:${meterId}`,
  sample: formatSample,
  note: ({ bytes }) => `note:${formatBytes(bytes)}`,
  ct: (ct, names) => formatCt(ct, names, formatActions),
  ct_clear: typeOnly,
  goto_table: ({ table }, names) => `goto_table:${formatTable(table, names)}`,
  clear_actions: typeOnly,
  write_actions: ({ actions }, names) => `write_actions(${formatActions(actions, names)})`,
  write_metadata: ({ value, mask }) =>
    `write_metadata:${formatHex(value)}${mask === undefined ? "" : `/${formatHex(mask)}`}`,
  unknown: ({ bytes }) => `unknown(${Buffer.from(bytes).toString("hex")})`,
  unknown_instruction: ({ bytes }) => `unknown_instruction(${Buffer.from(bytes).toString("hex")})`,
};

function formatOutput({ port, maxLength }: ActionOf<"output">, names: NameOptions): string {
  if (port === OFPP.CONTROLLER) return `CONTROLLER:${maxLength ?? 0}`;
  return isReservedPort(port) ? formatPort(port) : `output:${formatPort(port, names)}`;
}

/** OFPR_* by number. */
export const PACKET_IN_REASONS = ["no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"];
const ACTION_REASON = 1;

function formatController(action: ActionOf<"controller">): string {
  const { reason = ACTION_REASON, maxLength = WHOLE_PACKET, id = 0, userdata, pause, meterId } = action;
  const hasUserdata = userdata !== undefined && userdata.length > 0;
  if (reason === ACTION_REASON && id === 0 && !hasUserdata && !pause && meterId === undefined)
    return `CONTROLLER:${maxLength}`;
  return `controller(${joinWords([
    reason === ACTION_REASON ? undefined : `reason=${PACKET_IN_REASONS[reason] ?? reason}`,
    maxLength === WHOLE_PACKET ? undefined : `max_len=${maxLength}`,
    id === 0 ? undefined : `id=${id}`,
    hasUserdata ? `userdata=${formatBytes(userdata)}` : undefined,
    pause ? "pause" : undefined,
    meterId === undefined ? undefined : `meter_id=${meterId}`,
  ])})`;
}

function formatBundle(bundle: ActionOf<"bundle"> | ActionOf<"bundle_load">, names: NameOptions): string {
  const { fields, basis, algorithm, members } = bundle;
  const destination = bundle.type === "bundle_load" ? `${formatSubfield(bundle.destination, names)},` : "";
  const ports = members.map((member) => formatPort(member, names)).join(",");
  return `${fields},${basis},${algorithm},ofport,${destination}members:${ports}`;
}

function formatEncap({ header, properties = [] }: ActionOf<"encap">): string {
  const words = properties.map((property: EncapProperty) => {
    if (property.type === "md_type") return `md_type=${property.value}`;
    const bytes = BigInt(`0x0${Buffer.from(property.bytes).toString("hex")}`);
    return `tlv(${fourDigits(property.tlvClass)},${property.tlvType},${formatHex(bytes)})`;
  });
  return `encap(${header}${words.length === 0 ? "" : `(${words.join(",")})`})`;
}

function formatPacketType(packetType: number): string {
  return `packet_type(ns=${packetType >>> 16},type=${formatHex(packetType & 0xffff)})`;
}

function formatResubmit({ port, table, ct }: ActionOf<"resubmit">, names: NameOptions): string {
  if (port !== undefined && table === undefined) return `resubmit:${formatPort(port, names)}`;
  const portText = port === undefined ? "" : formatPort(port, names);
  return `resubmit(${portText},${table === undefined ? "" : formatTable(table, names)}${ct ? ",ct" : ""})`;
}

function formatSample(sample: ActionOf<"sample">, names: NameOptions): string {
  return `sample(${joinWords([
    `probability=${sample.probability}`,
    `collector_set_id=${sample.collectorSetId}`,
    `obs_domain_id=${formatObservation(sample.observationDomainId, names)}`,
    `obs_point_id=${formatObservation(sample.observationPointId, names)}`,
    sample.samplingPort === undefined ? undefined : `sampling_port=${formatPort(sample.samplingPort, names)}`,
    sample.direction,
  ])})`;
}

function formatObservation(id: number | Subfield, names: NameOptions): string {
  return typeof id === "number" ? `${id}` : formatSubfield(id, names);
}
