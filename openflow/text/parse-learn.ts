import type { Action, LearnSpec, Subfield } from "#openflow/actions.ts";
import { FIELDS } from "#openflow/fields.ts";
import { DEFAULT_PRIORITY } from "#openflow/flow.ts";
import { allOnes, type FieldValue, sized } from "#openflow/match.ts";
import { narrowPort } from "#openflow/ports.ts";
import { hasShortHeader } from "#openflow/wire/oxm.ts";
import type { ActionContext } from "./action-context.ts";
import { type Names, parseTable } from "./names.ts";
import { checkedValue, parseMaskedValue } from "./parse-values.ts";
import { parseSubfield, readSubfield } from "./subfield.ts";
import { fail, parseUnsigned, parseWide, readInteger, splitWords, type Word } from "./syntax.ts";

type Learn = Extract<Action, { readonly type: "learn" }>;

/** Numbers of 16 bits, by their word; 0 is as good as nothing. */
const NUMBERS = {
  idle_timeout: "idleTimeout",
  hard_timeout: "hardTimeout",
  fin_idle_timeout: "finIdleTimeout",
  fin_hard_timeout: "finHardTimeout",
} as const;

const DEFAULT_TABLE = 1;

/** learn(table=10,hard_timeout=60,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]) */
export function parseLearn({ value }: Word, { names }: ActionContext): Action {
  const specs: LearnSpec[] = [];
  const learn: { -readonly [K in keyof Learn]: Learn[K] } = {
    type: "learn",
    table: DEFAULT_TABLE,
    priority: DEFAULT_PRIORITY,
    specs,
  };
  for (const word of splitWords(value)) if (!takeSetting(learn, word, names)) specs.push(parseSpec(word, names));
  return learn;
}

/** False for a word that is a spec. */
function takeSetting(learn: { -readonly [K in keyof Learn]: Learn[K] }, word: Word, names: Names): boolean {
  const { key, value, text } = word;
  switch (key) {
    case "table":
      learn.table = parseTable(text, value, names);
      if (learn.table === 255) fail(text, "a table up to 254 is expected");
      return true;
    case "priority":
      learn.priority = parseUnsigned(text, value, 16);
      return true;
    case "idle_timeout":
    case "hard_timeout":
    case "fin_idle_timeout":
    case "fin_hard_timeout": {
      const seconds = parseUnsigned(text, value, 16);
      if (seconds !== 0) learn[NUMBERS[key]] = seconds;
      return true;
    }
    case "cookie": {
      const cookie = parseWide(text, value, 64);
      if (cookie !== 0n) learn.cookie = cookie;
      return true;
    }
    case "send_flow_rem":
      learn.sendFlowRemoved = true;
      return true;
    case "delete_learned":
      learn.deleteLearned = true;
      return true;
    case "limit": {
      const limit = parseUnsigned(text, value, 32);
      if (limit !== 0) learn.limit = limit;
      return true;
    }
    case "result_dst": {
      const result = parseSubfield(text, value, names);
      if (!FIELDS[result.field].writable) fail(text, `${result.field} cannot be written`);
      if (result.bits !== 1) fail(text, "one bit is expected");
      learn.resultDestination = result;
      return true;
    }
    default:
      return false;
  }
}

function parseSpec({ key, value, text }: Word, names: Names): LearnSpec {
  const destination = readSubfield(text, key, names);
  if (destination !== undefined)
    return { type: "match", source: parseSource(text, value, short(text, destination), names), destination };
  if (key === "output") return { type: "output", source: short(text, parseSubfield(text, value, names)) };
  if (key === "load") return parseLoad(value, text, names);
  return fail(text, "a field, load, output or a setting of learn is expected");
}

function short(word: string, subfield: Subfield): Subfield {
  return hasShortHeader(subfield.field) ? subfield : fail(word, `${subfield.field} cannot stand in learn`);
}

/** What a learned flow matches: a run of bits as wide, a value of the whole field as a match has it, or a number. */
function parseSource(word: string, text: string, destination: Subfield, names: Names): Subfield | FieldValue {
  if (text === "") return destination;
  const source = readSubfield(word, text, names);
  if (source !== undefined) return sameWidth(word, source, destination);
  const field = FIELDS[destination.field];
  if (destination.start !== 0 || destination.bits !== field.significantBits)
    return parseNumber(word, text, destination);
  const { value, mask } = parseMaskedValue(word, field, text, names);
  if (mask !== undefined) fail(word, "a value without a mask is expected");
  if (field.format !== "port") return sized(BigInt(checkedValue(word, field, value)), field.bits);
  const port = destination.bits === 16 ? narrowPort(Number(value)) : Number(value);
  return port ?? fail(word, `port ${value} does not fit into 16 bits`);
}

function parseNumber(word: string, text: string, { bits }: Subfield): FieldValue {
  const value = readInteger(text);
  if (value === undefined) return fail(word, `${text} is neither a field nor a number`);
  if (value > allOnes(bits)) fail(word, `${text} does not fit into ${bits} bits`);
  return sized(value, bits);
}

function parseLoad(text: string, word: string, names: Names): LearnSpec {
  const [from = "", to] = text.split("->");
  if (to === undefined || from === "") return fail(word, "load:SOURCE->DESTINATION is expected");
  const destination = short(word, parseSubfield(word, to, names));
  const field = readSubfield(word, from, names);
  const source = field === undefined ? parseNumber(word, from, destination) : sameWidth(word, field, destination);
  return { type: "load", source, destination };
}

function sameWidth(word: string, source: Subfield, destination: Subfield): Subfield {
  if (source.bits !== destination.bits)
    fail(word, `${source.bits} bits of ${source.field} cannot go into ${destination.bits} of ${destination.field}`);
  return short(word, source);
}
