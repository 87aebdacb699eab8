import type { Action, NatSpec, Subfield } from "#openflow/actions.ts";
import { FIELDS } from "#openflow/fields.ts";
import type { FieldValue } from "#openflow/match.ts";
import { formatPort, formatTable, isReservedPort, type NameOptions, RESERVED_PORTS } from "./names.ts";
import { formatIpv4, formatIpv6, formatShortHex, formatValue } from "./values.ts";

const ALL_BYTES = 0xffff;

/** Actions as `ovs-ofctl dump-flows` prints them behind "actions=". */
export function formatActions(actions: readonly Action[], names: NameOptions = {}): string {
  return actions.length === 0 ? "drop" : actions.map((action) => formatAction(action, names)).join(",");
}

/** A run of bits by the field's NXM or OXM name: NXM_NX_REG0[0..15], [] for all of it. */
export function formatSubfield({ field, start, bits }: Subfield): string {
  const { nxmName, significantBits } = FIELDS[field];
  if (start === 0 && bits === significantBits) return `${nxmName}[]`;
  return bits === 1 ? `${nxmName}[${start}]` : `${nxmName}[${start}..${start + bits - 1}]`;
}

function formatAction(action: Action, names: NameOptions): string {
  switch (action.type) {
    case "output":
      return formatOutput(action.port, action.maxLength, names);
    case "output_reg":
      return `output:${formatSubfield(action.source)}`;
    case "group":
      return `group:${action.groupId}`;
    case "set_field":
      return `set_field:${formatValue(action.field, action.value, action.mask, names)}->${action.field}`;
    case "load":
      return `load:${formatShortHex(action.value)}->${formatSubfield(action.destination)}`;
    case "move":
      return `move:${formatSubfield(action.source)}->${formatSubfield(action.destination)}`;
    case "dec_ttl":
    case "ct_clear":
    case "clear_actions":
      return action.type;
    case "resubmit":
      return formatResubmit(action, names);
    case "ct":
      return formatCt(action, names);
    case "conjunction":
      return `conjunction(${action.id},${action.clause}/${action.clauses})`;
    case "controller":
      return formatController(action);
    case "note":
      return `note:${formatBytes(action.bytes)}`;
    case "unknown":
      return `unknown(${Buffer.from(action.bytes).toString("hex")})`;
    case "goto_table":
      return `goto_table:${formatTable(action.table, names)}`;
    case "meter":
      return `meter:${action.meterId}`;
    case "write_actions":
      return `write_actions(${formatActions(action.actions, names)})`;
    case "write_metadata": {
      const mask = action.mask === undefined ? "" : `/${formatShortHex(action.mask)}`;
      return `write_metadata:${formatShortHex(action.value)}${mask}`;
    }
  }
}

function formatOutput(port: number, maxLength: number | undefined, names: NameOptions): string {
  if (port === RESERVED_PORTS.CONTROLLER) return `CONTROLLER:${maxLength ?? 0}`;
  return isReservedPort(port) ? formatPort(port) : `output:${formatPort(port, names)}`;
}

function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(".");
}

type ActionOf<T extends Action["type"]> = Extract<Action, { readonly type: T }>;

/** OFPP_IN_PORT in 16 bits. */
const SAME_PORT = 0xfff8;

function formatResubmit({ port, table, ct }: ActionOf<"resubmit">, names: NameOptions): string {
  const own = port === undefined || port === SAME_PORT;
  if (!own && table === undefined && ct !== true) return `resubmit:${formatPort(port, names)}`;
  const portText = own ? "" : formatPort(port, names);
  return `resubmit(${portText},${table === undefined ? "" : formatTable(table, names)}${ct ? ",ct" : ""})`;
}

const REASONS = ["no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"];

function formatController(action: ActionOf<"controller">): string {
  const { reason = 1, maxLength = ALL_BYTES, id = 0, userdata, pause, meterId } = action;
  const hasUserdata = userdata !== undefined && userdata.length > 0;
  if (reason === 1 && id === 0 && !hasUserdata && !pause && meterId === undefined) return `CONTROLLER:${maxLength}`;
  const words = [
    reason === 1 ? undefined : `reason=${REASONS[reason] ?? reason}`,
    maxLength === ALL_BYTES ? undefined : `max_len=${maxLength}`,
    id === 0 ? undefined : `id=${id}`,
    hasUserdata ? `userdata=${formatBytes(userdata)}` : undefined,
    pause ? "pause" : undefined,
    meterId === undefined ? undefined : `meter_id=${meterId}`,
  ];
  return `controller(${joinWords(words)})`;
}

function formatCt(action: ActionOf<"ct">, names: NameOptions): string {
  const { commit, force, table, zone, nat, exec = [], alg } = action;
  const words = [
    commit ? "commit" : undefined,
    force ? "force" : undefined,
    table === undefined ? undefined : `table=${formatTable(table, names)}`,
    zone === undefined || zone === 0 ? undefined : `zone=${typeof zone === "number" ? zone : formatSubfield(zone)}`,
    nat === undefined ? undefined : formatNat(nat),
    exec.length === 0 ? undefined : `exec(${formatActions(exec, names)})`,
    alg === undefined ? undefined : `alg=${alg}`,
  ];
  return `ct(${joinWords(words)})`;
}

function formatNat(nat: NatSpec | true): string {
  if (nat === true) return "nat";
  const { type, minAddress, maxAddress, minPort, maxPort } = nat;
  if (minAddress === undefined) return `nat(${type})`;
  const bracketed = minPort !== undefined;
  const addresses = range(minAddress, maxAddress, (address) => formatAddress(address, bracketed));
  const ports = minPort === undefined ? "" : `:${range(minPort, maxPort, String)}`;
  const flags = [
    nat.persistent ? "persistent" : undefined,
    nat.hash ? "hash" : undefined,
    nat.random ? "random" : undefined,
  ];
  return `nat(${joinWords([`${type}=${addresses}${ports}`, ...flags])})`;
}

function range<T>(from: T, to: T | undefined, text: (end: T) => string): string {
  return to === undefined || to === from ? text(from) : `${text(from)}-${text(to)}`;
}

function formatAddress(address: FieldValue, bracketed: boolean): string {
  if (typeof address === "number") return formatIpv4(address);
  return bracketed ? `[${formatIpv6(address)}]` : formatIpv6(address);
}

function joinWords(words: readonly (string | undefined)[]): string {
  return words.filter((word) => word !== undefined).join(",");
}
