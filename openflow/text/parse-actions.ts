import type { Action, Subfield } from "#openflow/actions.ts";
import { FIELDS } from "#openflow/fields.ts";
import { allOnes, type Match, shortestOption, sized } from "#openflow/match.ts";
import { OFPP, widenPort } from "#openflow/ports.ts";
import { type ActionContext, flowContext, parseNested } from "./action-context.ts";
import { checkAction, checkOrder } from "./check-actions.ts";
import { PACKET_IN_REASONS } from "./format-actions.ts";
import { findPort, type Names, optionLengthOf, parsePort, parseTable } from "./names.ts";
import { parseBundle, parseBundleLoad, parseMultipath } from "./parse-choice-actions.ts";
import { parseCt } from "./parse-ct.ts";
import { parseDecap, parseEncap } from "./parse-encap.ts";
import { parseLearn } from "./parse-learn.ts";
import { LEGACY_PARSERS } from "./parse-legacy.ts";
import { checkedValue, parseMaskedValue } from "./parse-values.ts";
import { findField, parseSubfield, readSubfield } from "./subfield.ts";
import { fail, parseBytes, parseUnsigned, parseWide, readInteger, splitWords, type Word } from "./syntax.ts";

const WHOLE_PACKET = 0xffff;
const MAX_DEPTH = 16;
/** What output, and the choices of a port, have room for. */
const LONGEST_SUBFIELD = 64;

/** The text behind "actions=". Without a match nothing is asked of the packet that the actions work on. */
export function parseActionsOf(text: string, names: Names, match?: Match, table?: number): readonly Action[] {
  return parseList(text, flowContext(names, match, table, parseList));
}

function parseList(text: string, context: ActionContext): readonly Action[] {
  if (context.depth > MAX_DEPTH) fail(text, "actions are nested too deeply");
  const actions: Action[] = [];
  let dropped: string | undefined;
  for (const word of splitWords(text)) {
    if (word.key.toLowerCase() === "drop") dropped = word.text;
    else
      for (const action of parseAction(word, context)) {
        checkAction(action, word.text, context);
        actions.push(action);
      }
  }
  if (dropped !== undefined && actions.length > 0) fail(dropped, "stands alone: no action may be beside it");
  checkOrder(actions, text, context);
  return actions;
}

type Parse = (word: Word, context: ActionContext) => Action;

function parseAction(word: Word, context: ActionContext): readonly Action[] {
  const key = word.key.toLowerCase();
  const parse = PARSERS[key];
  if (parse !== undefined) return [parse(word, context)];
  const legacy = LEGACY_PARSERS[key];
  if (legacy !== undefined) return legacy(word, context);
  const port = findPort(word.key, context.names);
  if (port !== undefined) return [{ type: "output", port }];
  return fail(word.text, key === "apply_actions" ? "is what actions are without it" : "is no action");
}

const PARSERS: Readonly<Record<string, Parse>> = {
  output: parseOutput,
  output_reg: parseOutput,
  group: ({ value, text }) => ({ type: "group", groupId: parseUnsigned(text, value, 32) }),
  controller: parseController,
  bundle: parseBundle,
  bundle_load: parseBundleLoad,
  set_queue: ({ value, text }) => ({ type: "set_queue", queueId: parseUnsigned(text, value, 32) }),
  pop_queue: () => ({ type: "pop_queue" }),
  push_vlan: parseEtherType("push_vlan"),
  pop_vlan: () => ({ type: "pop_vlan" }),
  push_mpls: parseEtherType("push_mpls"),
  pop_mpls: parseEtherType("pop_mpls"),
  encap: parseEncap,
  decap: parseDecap,
  dec_ttl: parseDecTtl,
  dec_mpls_ttl: () => ({ type: "dec_mpls_ttl" }),
  dec_nsh_ttl: () => ({ type: "dec_nsh_ttl" }),
  mod_nw_ttl: ({ value, text }) => ({ type: "mod_nw_ttl", ttl: parseUnsigned(text, value, 8) }),
  set_nw_ttl: ({ value, text }) => ({ type: "mod_nw_ttl", ttl: parseUnsigned(text, value, 8) }),
  set_mpls_ttl: ({ value, text }) => ({ type: "set_mpls_ttl", ttl: parseUnsigned(text, value, 8) }),
  set_field: parseSetField,
  load: parseLoad,
  move: parseMove,
  push: ({ value, text }, { names }) => ({ type: "push", field: parseSubfield(text, value, names) }),
  pop: ({ value, text }, { names }) => ({ type: "pop", field: parseSubfield(text, value, names) }),
  delete_field: parseDeleteField,
  check_pkt_larger: parseCheckLength,
  multipath: parseMultipath,
  resubmit: parseResubmit,
  conjunction: parseConjunction,
  learn: parseLearn,
  fin_timeout: parseFinTimeout,
  clone: ({ value }, context) => ({ type: "clone", actions: parseNested(value, context, "clone") }),
  exit: () => ({ type: "exit" }),
  meter: ({ value, text }) => ({ type: "meter", meterId: parseUnsigned(text, value, 32) }),
  sample: parseSample,
  note: parseNote,
  ct: parseCt,
  ct_clear: () => ({ type: "ct_clear" }),
  goto_table: ({ value, text }, { names }) => ({ type: "goto_table", table: parseTable(text, value, names) }),
  clear_actions: () => ({ type: "clear_actions" }),
  write_actions: ({ value }, context) => ({
    type: "write_actions",
    actions: parseNested(value, context, "write_actions"),
  }),
  write_metadata: parseWriteMetadata,
};

function parseOutput({ value, text }: Word, { names }: ActionContext): Action {
  if (value.includes("port") && value.includes("max_len")) return parseTruncated(value, text, names);
  const port = findPort(value, names);
  if (port !== undefined) return port === OFPP.CONTROLLER ? controllerOutput(WHOLE_PACKET) : { type: "output", port };
  const source = readSubfield(text, value, names);
  if (source === undefined) return fail(text, `${value} is neither a port nor a field`);
  if (source.bits > LONGEST_SUBFIELD) fail(text, `${LONGEST_SUBFIELD} bits are the most`);
  return { type: "output_reg", source };
}

function controllerOutput(maxLength: number): Action {
  return { type: "output", port: OFPP.CONTROLLER, ...(maxLength === 0 ? {} : { maxLength }) };
}

const SHORTEST_PACKET = 14;

function parseTruncated(value: string, text: string, names: Names): Action {
  let port: number | undefined;
  let maxLength = 0;
  for (const word of splitWords(value)) {
    if (word.key === "port") port = parsePort(word.text, word.value, names);
    else if (word.key === "max_len") maxLength = parseUnsigned(word.text, word.value, 32);
    else fail(word.text, "port or max_len is expected");
  }
  if (port === undefined) return fail(text, "a port is expected");
  if (port > 0xfeff && port !== OFPP.LOCAL && port !== OFPP.IN_PORT)
    fail(text, "LOCAL, IN_PORT or a number is expected");
  if (maxLength < SHORTEST_PACKET) fail(text, `max_len of at least ${SHORTEST_PACKET} is expected`);
  return { type: "output_trunc", port, maxLength };
}

function parseController({ value, text }: Word): Action {
  if (value === "") return controllerOutput(WHOLE_PACKET);
  if (/^\d+$/.test(value)) return controllerOutput(parseUnsigned(text, value, 16));
  const controller: { -readonly [K in keyof Controller]: Controller[K] } = { type: "controller" };
  for (const word of splitWords(value)) takeControllerSetting(controller, word);
  const { maxLength = WHOLE_PACKET, type: _, ...others } = controller;
  if (Object.keys(others).length === 0) return controllerOutput(maxLength);
  return controller;
}

type Controller = Extract<Action, { readonly type: "controller" }>;

/** What is so by default is left out. */
function takeControllerSetting(
  controller: { -readonly [K in keyof Controller]: Controller[K] },
  { key, value, text }: Word,
): void {
  if (key === "reason") {
    const reason = PACKET_IN_REASONS.indexOf(value.toLowerCase());
    if (reason < 0) fail(text, `one of ${PACKET_IN_REASONS.join(", ")} is expected`);
    if (reason !== 1) controller.reason = reason;
  } else if (key === "max_len") {
    const maxLength = parseUnsigned(text, value, 16);
    if (maxLength !== WHOLE_PACKET) controller.maxLength = maxLength;
  } else if (key === "id") {
    const id = parseUnsigned(text, value, 16);
    if (id !== 0) controller.id = id;
  } else if (key === "userdata") controller.userdata = parseBytes(text, value);
  else if (key === "pause") controller.pause = true;
  else if (key === "meter_id") controller.meterId = parseUnsigned(text, value, 32);
  else fail(text, "reason, max_len, id, userdata, pause or meter_id is expected");
}

function parseEtherType(type: "push_vlan" | "push_mpls" | "pop_mpls"): Parse {
  return ({ value, text }) => {
    const etherType = parseUnsigned(text, value, 16);
    if (type === "push_vlan" && etherType !== 0x8100 && etherType !== 0x88a8)
      fail(text, "0x8100 or 0x88a8 is expected");
    if (type === "push_mpls" && etherType !== 0x8847 && etherType !== 0x8848)
      fail(text, "0x8847 or 0x8848 is expected");
    return { type, etherType };
  };
}

function parseDecTtl({ value, text }: Word): Action {
  if (value === "") return { type: "dec_ttl" };
  return { type: "dec_ttl", controllers: value.split(/[, ]+/).map((id) => parseUnsigned(text, id, 16)) };
}

/** "VALUE->FIELD": both sides of the arrow. */
function splitArrow(value: string, text: string): readonly [from: string, to: string] {
  const arrow = value.indexOf("->");
  if (arrow < 0 || arrow + 2 === value.length) return fail(text, "VALUE->FIELD is expected");
  return [value.slice(0, arrow), value.slice(arrow + 2)];
}

function parseSetField({ value: argument, text }: Word, { names }: ActionContext): Action {
  const [from, to] = splitArrow(argument, text);
  const field = /^[A-Z]/.test(to) ? undefined : findField(to);
  if (field === undefined) return fail(text, `${to} is no field that can be set`);
  if (!field.writable || field.name === "in_port_oxm") fail(text, `${field.name} cannot be set`);
  // A part of any field can be set by load, and is printed so; ovs-ofctl does not take its own word for it, and we do.
  const settable = { ...field, maskable: field.format !== "port" };
  const { value, mask } = parseMaskedValue(text, settable, from, names);
  if (mask === 0n) fail(text, "an empty mask sets nothing");
  if (mask !== undefined && (value & ~mask) !== 0n) fail(text, "the value has bits outside its mask");
  const checked = checkedValue(text, field, value);
  const length = optionLengthOf(field.name, names);
  const shortest = field.isOption ? shortestOption(value, mask) : 0;
  if (length !== undefined && shortest > length) fail(text, `${field.name} has ${length} bytes`);
  return {
    type: "set_field",
    field: field.name,
    value: checked,
    ...(mask === undefined || mask === allOnes(field.bits) ? {} : { mask: sized(mask, field.bits) }),
    ...(length === undefined || length === shortest ? {} : { length }),
  };
}

/** load:5->NXM_NX_REG0[0..15] is what set_field:5/0xffff->reg0 is in OpenFlow 1.5, and what the switch makes of it. */
function parseLoad({ value: argument, text }: Word, { names }: ActionContext): Action {
  const [from, to] = splitArrow(argument, text);
  const { field: name, start, bits } = parseSubfield(text, to, names);
  const field = FIELDS[name];
  if (!field.writable) fail(text, `${name} cannot be written`);
  const given = readInteger(from);
  if (given === undefined) return fail(text, `${from} is no number`);
  if (given > allOnes(bits)) fail(text, `${from} does not fit into ${bits} bits`);
  if (bits === field.significantBits && field.format !== "port") checkedValue(text, field, given);
  const value = sized(given << BigInt(start), field.bits);
  if (field.format === "port" && bits !== field.significantBits) fail(text, `${name} can be set as a whole only`);
  if (field.format === "port") return { type: "set_field", field: name, value: widenPort(Number(given)) };
  if (bits === field.bits) return { type: "set_field", field: name, value };
  return { type: "set_field", field: name, value, mask: sized(allOnes(bits) << BigInt(start), field.bits) };
}

function parseMove({ value, text }: Word, { names }: ActionContext): Action {
  const [from, to] = splitArrow(value, text);
  const source = parseSubfield(text, from, names);
  const destination = parseSubfield(text, to, names);
  if (source.bits !== destination.bits)
    fail(text, `${source.bits} bits of ${source.field} cannot go into ${destination.bits} of ${destination.field}`);
  return { type: "move", source, destination };
}

function parseDeleteField({ value, text }: Word): Action {
  const field = findField(value);
  return field?.isOption
    ? { type: "delete_field", field: field.name }
    : fail(text, "one of tun_metadata0 to 63 is expected");
}

/** The word's brackets hold the length only: check_pkt_larger(1500)->reg0[3]. */
function parseCheckLength({ value, text }: Word, { names }: ActionContext): Action {
  const [length, to] = splitArrow(value, text);
  const destination: Subfield = parseSubfield(text, to, names);
  if (destination.bits !== 1) fail(text, "a destination of one bit is expected");
  return { type: "check_pkt_larger", length: parseUnsigned(text, length.replace(/\)$/, ""), 16), destination };
}

function parseResubmit({ value, text }: Word, { names }: ActionContext): Action {
  const [portText = "", tableText = "", ct = ""] = value.split(",").map((part) => part.trim());
  const port = portText === "" ? OFPP.IN_PORT : parsePort(text, portText, names);
  const table = tableText === "" ? 255 : parseTable(text, tableText, names);
  if (ct !== "" && ct !== "ct") fail(text, `${ct} is given where ct may stand`);
  if (port === OFPP.IN_PORT && table === 255) fail(text, "a port or a table is expected");
  return {
    type: "resubmit",
    ...(port === OFPP.IN_PORT ? {} : { port }),
    ...(table === 255 ? {} : { table }),
    ...(ct === "ct" ? { ct: true } : {}),
  };
}

function parseConjunction({ value, text }: Word): Action {
  const [, id, clauseText, clausesText] = /^(-?\w+)\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(value) ?? [];
  if (id === undefined || clauseText === undefined || clausesText === undefined)
    return fail(text, "conjunction(ID,CLAUSE/CLAUSES) is expected");
  const [clause, clauses] = [Number(clauseText), Number(clausesText)];
  if (clauses < 2 || clauses > 64) fail(text, `${clauses} clauses; 2 to 64 are expected`);
  if (clause < 1 || clause > clauses) fail(text, `clause ${clause}; 1 to ${clauses} is expected`);
  return { type: "conjunction", id: parseUnsigned(text, id, 32), clause, clauses };
}

function parseFinTimeout({ value }: Word): Action {
  let idleTimeout = 0;
  let hardTimeout = 0;
  for (const word of splitWords(value)) {
    if (word.key === "idle_timeout") idleTimeout = parseUnsigned(word.text, word.value, 16);
    else if (word.key === "hard_timeout") hardTimeout = parseUnsigned(word.text, word.value, 16);
    else fail(word.text, "idle_timeout or hard_timeout is expected");
  }
  return { type: "fin_timeout", idleTimeout, hardTimeout };
}

const SAMPLE_IDS = {
  collector_set_id: "collectorSetId",
  obs_domain_id: "observationDomainId",
  obs_point_id: "observationPointId",
} as const;

function parseSample({ value, text }: Word, { names }: ActionContext): Action {
  const observations: Record<"observationDomainId" | "observationPointId", number | Subfield> = {
    observationDomainId: 0,
    observationPointId: 0,
  };
  let collectorSetId = 0;
  let probability = 0;
  let samplingPort: number | undefined;
  let direction: "ingress" | "egress" | undefined;
  for (const word of splitWords(value)) {
    if (word.key === "probability") probability = parseUnsigned(word.text, word.value, 16);
    else if (word.key === "sampling_port") samplingPort = parsePort(word.text, word.value, names);
    else if (word.key === "ingress" || word.key === "egress") direction = word.key;
    else {
      const id = SAMPLE_IDS[word.key as keyof typeof SAMPLE_IDS];
      if (id === undefined)
        fail(
          word.text,
          `one of probability, ${Object.keys(SAMPLE_IDS).join(", ")}, sampling_port, ingress, egress is expected`,
        );
      if (id === "collectorSetId") collectorSetId = parseUnsigned(word.text, word.value, 32);
      else observations[id] = parseObservation(word, names);
    }
  }
  if (probability === 0) fail(text, "a probability above 0 is expected");
  return {
    type: "sample",
    probability,
    collectorSetId,
    ...observations,
    ...(samplingPort === undefined || samplingPort === OFPP.ANY ? {} : { samplingPort }),
    ...(direction === undefined ? {} : { direction }),
  };
}

/** A number; or as of Open vSwitch 3.4 a field of at most 32 bits. */
function parseObservation({ text, value }: Word, names: Names): number | Subfield {
  const subfield = readSubfield(text, value, names);
  if (subfield === undefined) return parseUnsigned(text, value, 32);
  if (subfield.bits > 32) fail(text, `${subfield.bits} bits are more than the 32 of an observation`);
  return subfield;
}

/** A note fills its action, which is 16 bytes or more: zeros come behind it. */
function parseNote({ value, text }: Word): Action {
  const given = parseBytes(text, value);
  const bytes = new Uint8Array(6 + 8 * Math.ceil(Math.max(0, given.length - 6) / 8));
  bytes.set(given);
  return { type: "note", bytes };
}

function parseWriteMetadata({ value: argument, text }: Word): Action {
  const [valueText = "", maskText, ...others] = argument.split("/");
  if (others.length > 0) fail(text, "write_metadata:VALUE/MASK is expected");
  const value = parseWide(text, valueText, 64);
  const mask = maskText === undefined ? allOnes(64) : parseWide(text, maskText, 64);
  return { type: "write_metadata", value, ...(mask === allOnes(64) ? {} : { mask }) };
}
