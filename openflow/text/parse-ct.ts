import type { Action, NatSpec } from "#openflow/actions.ts";
import type { FieldValue } from "#openflow/match.ts";
import { hasShortHeader } from "#openflow/wire/oxm.ts";
import { type ActionContext, parseNested } from "./action-context.ts";
import { type Names, parseTable } from "./names.ts";
import { parseIpv4, parseIpv6 } from "./parse-values.ts";
import { parseSubfield } from "./subfield.ts";
import { fail, parseChoice, parseUnsigned, readInteger, splitWords, type Word } from "./syntax.ts";

/** ct(commit,zone=5,nat(src=10.0.0.1),exec(set_field:1->ct_mark)) */
export function parseCt({ value, text }: Word, context: ActionContext): Action {
  const ct: { -readonly [K in keyof Ct]: Ct[K] } = { type: "ct" };
  for (const word of splitWords(value)) {
    switch (word.key) {
      case "commit":
      case "force":
        ct[word.key] = true;
        break;
      case "table":
        ct.table = parseTable(word.text, word.value, context.names);
        if (ct.table === 255) fail(word.text, "a table up to 254 is expected");
        break;
      case "zone":
        ct.zone = parseZone(word, context.names);
        break;
      case "alg":
        ct.alg = parseChoice(word.text, word.value, ["ftp", "tftp"] as const);
        break;
      case "nat":
        if (ct.nat !== undefined) fail(word.text, "nat stands here already");
        ct.nat = parseNat(word);
        break;
      case "exec":
        ct.exec = [...(ct.exec ?? []), ...parseNested(word.value, context, "ct")];
        break;
      default:
        fail(word.text, "commit, force, table, zone, alg, nat or exec is expected");
    }
  }
  if (ct.force && !ct.commit) fail(text, "force needs commit");
  if (ct.zone === 0) delete ct.zone;
  if (ct.exec?.length === 0) delete ct.exec;
  return ct;
}

type Ct = Extract<Action, { readonly type: "ct" }>;

function parseZone({ value, text }: Word, names: Names): NonNullable<Ct["zone"]> {
  if (readInteger(value) !== undefined) return parseUnsigned(text, value, 16);
  const zone = parseSubfield(text, value, names);
  if (!hasShortHeader(zone.field)) fail(text, `${zone.field} cannot stand here`);
  return zone.bits === 16 ? zone : fail(text, `a zone has 16 bits, not ${zone.bits}`);
}

function parseNat({ value, text }: Word): NatSpec | true {
  const nat: { -readonly [K in keyof NatSpec]?: NatSpec[K] } = {};
  for (const word of splitWords(value)) {
    switch (word.key) {
      case "src":
      case "dst":
        if (nat.type !== undefined && nat.type !== word.key) fail(word.text, "either src or dst is expected, not both");
        nat.type = word.key;
        if (word.value !== "") Object.assign(nat, parseRange(word));
        break;
      case "persistent":
      case "hash":
      case "random":
        nat[word.key] = true;
        break;
      default:
        fail(word.text, "src, dst, persistent, hash or random is expected");
    }
  }
  const { type, ...options } = nat;
  if (type === undefined) return Object.keys(options).length === 0 ? true : fail(text, "src or dst is expected");
  if (nat.hash && nat.random) fail(text, "either hash or random is expected, not both");
  return { ...options, type };
}

const RANGE = /^(?:\[([^\]]+)\]|([^-[\]]+?))(?:-(?:\[([^\]]+)\]|([^-[\]]+?)))?(?::(\d+)(?:-(\d+))?)?$/;

/** 10.0.0.1-10.0.0.9:80-90, [fd00::1]-[fd00::9]:80. */
function parseRange({ value, text }: Word): Partial<NatSpec> {
  const isIpv4 = value.includes(".") && !value.includes("[") && (value.match(/:/g)?.length ?? 0) <= 1;
  const parts = isIpv4 || value.includes("[") ? RANGE.exec(value) : /^()([^-]+)()(?:-([^-]+))?()()$/.exec(value);
  if (parts === null) return fail(text, `${value} is no range, such as 10.0.0.1-10.0.0.9:80-90 or [fd00::1]:80`);
  const parse = (address: string): FieldValue => (isIpv4 ? Number(parseIpv4(text, address)) : parseIpv6(text, address));
  const port = (digits: string | undefined) =>
    digits === undefined || digits === "" ? undefined : parseUnsigned(text, digits.replace(/^0+(?=\d)/, ""), 16);
  const minAddress = parse(parts[1] || parts[2] || "");
  const upper = parts[3] || parts[4];
  const maxAddress = upper === undefined ? undefined : parse(upper);
  const [minPort, maxPort] = [port(parts[5]), port(parts[6])];
  if (maxAddress !== undefined && maxAddress < minAddress) fail(text, "the range ends before it begins");
  if (minPort === 0) fail(text, "a port above 0 is expected");
  if (minPort !== undefined && maxPort !== undefined && maxPort < minPort)
    fail(text, "the range of ports ends before it begins");
  // Open vSwitch has no address of zeros here: it is as good as none.
  if (BigInt(minAddress) === 0n)
    return maxAddress === undefined && minPort === undefined
      ? {}
      : fail(text, "an address other than zero is expected");
  return {
    minAddress,
    ...(maxAddress === undefined || maxAddress === minAddress ? {} : { maxAddress }),
    ...(minPort === undefined ? {} : { minPort }),
    ...(maxPort === undefined || maxPort === minPort ? {} : { maxPort }),
  };
}
