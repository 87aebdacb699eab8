import type { Action, HashFields, Subfield } from "#openflow/actions.ts";
import { hasShortHeader } from "#openflow/wire/oxm.ts";
import type { ActionContext } from "./action-context.ts";
import { type Names, parsePort } from "./names.ts";
import { parseSubfield } from "./subfield.ts";
import { fail, parseChoice, parseUnsigned, type Word } from "./syntax.ts";

const HASH_FIELDS: readonly HashFields[] = [
  "eth_src",
  "symmetric_l4",
  "symmetric_l3l4",
  "symmetric_l3l4+udp",
  "nw_src",
  "nw_dst",
  "symmetric_l3",
];

function splitArguments(text: string): readonly string[] {
  return text.split(/[, ]+/).filter((part) => part !== "");
}

function parseDestination(word: string, text: string, names: Names): Subfield {
  const destination = parseSubfield(word, text, names);
  if (destination.bits > 64) fail(word, "64 bits are the most");
  return hasShortHeader(destination.field) ? destination : fail(word, `${destination.field} cannot stand here`);
}

/** bundle(FIELDS,BASIS,ALGORITHM,ofport,members:PORT,...) */
export function parseBundle({ value, text }: Word, { names }: ActionContext): Action {
  return { type: "bundle", ...parseMembers(text, value, [], names) };
}

/** bundle_load(FIELDS,BASIS,ALGORITHM,ofport,DESTINATION,members:PORT,...) */
export function parseBundleLoad({ value, text }: Word, { names }: ActionContext): Action {
  const destinations: string[] = [];
  const bundle = parseMembers(text, value, destinations, names);
  const destination = parseDestination(text, destinations[0] ?? "", names);
  if (destination.bits < 16) fail(text, "a destination of at least 16 bits is expected");
  return { type: "bundle_load", ...bundle, destination };
}

/** Puts what stands between "ofport" and the members into `between`. */
function parseMembers(word: string, text: string, between: string[], names: ActionContext["names"]) {
  const [head = "", members] = text.split(/\b(?:members|slaves):/i);
  if (members === undefined) return fail(word, "members:PORT,... is expected");
  const [fields = "", basis = "", algorithm = "", kind = "", ...others] = splitArguments(head);
  parseChoice(word, kind, ["ofport"]);
  between.push(...others);
  return {
    fields: parseChoice(word, fields, HASH_FIELDS),
    basis: parseUnsigned(word, basis, 16),
    algorithm: parseChoice(word, algorithm, ["active_backup", "hrw"]),
    members: splitArguments(members.replace(/[[\]]/g, " ")).map((member) => parsePort(word, member, names)),
  };
}

const MAX_LINKS = 65536;

/** multipath(FIELDS,BASIS,ALGORITHM,LINKS,ARGUMENT,DESTINATION) */
export function parseMultipath({ value, text }: Word, { names }: ActionContext): Action {
  const [fields = "", basis = "", algorithm = "", linkCount = "", argument = "", destination] = splitArguments(value);
  if (destination === undefined)
    return fail(text, "fields, basis, algorithm, number of links, argument and destination are expected");
  const links = parseUnsigned(text, linkCount, 17);
  if (links < 1 || links > MAX_LINKS) fail(text, `${links} links; 1 to ${MAX_LINKS} are expected`);
  const place = parseDestination(text, destination, names);
  if (links > 2 ** place.bits) fail(text, `${place.bits} bits cannot tell ${links} links`);
  return {
    type: "multipath",
    fields: parseChoice(text, fields, HASH_FIELDS),
    basis: parseUnsigned(text, basis, 16),
    algorithm: parseChoice(text, algorithm, ["modulo_n", "hash_threshold", "hrw", "iter_hash"]),
    links,
    argument: parseUnsigned(text, argument, 32),
    destination: place,
  };
}
