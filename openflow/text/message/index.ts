import { DecodeError } from "#openflow/errors.ts";
import { OPENFLOW_VERSION } from "#openflow/messages/handshake.ts";
import {
  HEADER_SIZE,
  type Header,
  type Identity,
  identify,
  readHeader,
  refusalOf,
} from "#openflow/messages/identity.ts";
import { fits } from "#openflow/messages/layout.ts";
import { decode, type Format, findFormat } from "#openflow/messages/message.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { formatBody } from "./body.ts";
import { formatBundleAdd, type Quote } from "./members.ts";
import { formatPartFlags } from "./multipart.ts";
import { type Context, chomp, endLine, formatHexDump } from "./words.ts";

/** A message's text, and what is wrong with it if anything is. */
export interface Printed {
  readonly text: string;
  readonly problem?: DecodeError;
}

/** As `ovs-ofctl ofp-print` has it; for bytes that are no message the text says so, and shows them. */
export function printMessage(bytes: Uint8Array, verbosity = 2): Printed {
  const problem = checkFrame(bytes);
  if (problem !== undefined) return { text: problem.text + formatHexDump(bytes), problem: problem.error };
  return printWhole(bytes, verbosity);
}

/**
 * The text of one whole message of any version, as `ovs-ofctl ofp-print` has it. Throws DecodeError.
 *
 *     formatMessage(encode({ type: "barrier_request" }, 1)) // "OFPT_BARRIER_REQUEST (OF1.5) (xid=0x1):\n"
 */
export function formatMessage(bytes: Uint8Array): string {
  const { text, problem } = printMessage(bytes);
  if (problem !== undefined) throw problem;
  return text;
}

function fail(message: string, bytes: Uint8Array): DecodeError {
  return new DecodeError("header", 0, message, Buffer.from(bytes.subarray(0, 32)).toString("hex"));
}

/** Bytes that are not exactly one message. */
function checkFrame(bytes: Uint8Array): { readonly text: string; readonly error: DecodeError } | undefined {
  if (bytes.length === 0) return { text: "OpenFlow message is empty\n", error: fail("there are no bytes", bytes) };
  if (bytes.length < HEADER_SIZE)
    return {
      text: `OpenFlow packet too short (only ${bytes.length} bytes):\n`,
      error: fail(`${bytes.length} bytes; a header has ${HEADER_SIZE}`, bytes),
    };
  const header = readHeader(new Reader(bytes));
  const { length } = header;
  if (length > bytes.length)
    return {
      text: `${nameTruncated(bytes, header)}(***truncated to ${bytes.length} bytes from ${length}***)\n`,
      error: fail(`${bytes.length} bytes of ${length} are here`, bytes),
    };
  if (length < bytes.length)
    return {
      text: `(***only uses ${length} bytes out of ${bytes.length}***)\n`,
      error: fail(`${bytes.length} bytes, of which the message has ${length}`, bytes),
    };
  return undefined;
}

/** The first line of a message that is cut off, where enough of it is left to tell what it is. */
function nameTruncated(bytes: Uint8Array, header: Header): string {
  const r = new Reader(bytes);
  r.skip(HEADER_SIZE);
  try {
    const format = findFormat(identify(r, header));
    return format === undefined ? "" : `${formatHeader(format, header)}\n`;
  } catch (error) {
    if (error instanceof DecodeError) return "";
    throw error;
  }
}

function printWhole(bytes: Uint8Array, verbosity: number): Printed {
  let head = "";
  let flags = "";
  try {
    const r = new Reader(bytes);
    const header = readHeader(r);
    const identity = identify(r, header);
    const format = findFormat(identity);
    // What Open vSwitch does not know is no mistake of the sender's.
    if (format === undefined) return { text: formatRefusal("", refusalOf(identity), bytes) };
    if (!fits(format, r.left)) return printRefused("", fail("its length is none that it may have", bytes), bytes);
    head = formatHeader(format, header);
    const context: Context = { version: header.version, verbosity, bytes };
    flags = formatFlags(identity, context);
    const body = formatWhole(format, context);
    return { text: endLine(chomp(`${head}${flags}${body}`)) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return printRefused(flags === "" ? `${head} ` : `${head}${flags}\n`, error, bytes);
  }
}

function formatWhole({ path }: Format, context: Context): string {
  const quote: Quote = (inner, verbosity) => printMessage(inner, verbosity).text;
  // A member that cannot be read is no reason to say nothing of what is around it.
  if (path === "bundle_add") return formatBundleAdd(context, quote);
  return formatBody(decode(context.bytes).message, context, quote);
}

/** Undefined for a message that can be read, whatever a switch says of it. */
function decodeError(bytes: Uint8Array): DecodeError | undefined {
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
}

function printRefused(head: string, error: DecodeError, bytes: Uint8Array): Printed {
  const text = formatRefusal(head === " " ? "" : head, refusalFor(error), bytes);
  const problem = decodeError(bytes);
  return problem === undefined ? { text } : { text, problem };
}

function formatRefusal(head: string, refusal: string, bytes: Uint8Array): string {
  return `${head}***decode error: ${refusal}***\n${formatHexDump(bytes)}`;
}

/** The error that a switch would answer with: said where it is known, else by the part of the message that is wrong. */
function refusalFor({ refusal, path }: DecodeError): string {
  if (refusal !== undefined) return refusal;
  const parts: readonly (readonly [RegExp, string])[] = [
    [/\bactions?\b/, "OFPBAC_BAD_LEN"],
    [/\binstructions?\b/, "OFPBIC_BAD_LEN"],
    [/\bmatch\b/, "OFPBMC_BAD_LEN"],
    [/\bproperties\b/, "OFPBPC_BAD_LEN"],
  ];
  return parts.find(([pattern]) => pattern.test(path))?.[1] ?? "OFPBRC_BAD_LEN";
}

const VERSION_NAMES = new Map<number, string>(
  Object.entries(OPENFLOW_VERSION).map(([name, version]) => [version, name === "1.0" ? "" : ` (OF${name})`]),
);

function formatHeader({ name }: Format, { version, xid }: Header): string {
  const versionText = VERSION_NAMES.get(version) ?? ` (OF 0x${version.toString(16).padStart(2, "0")})`;
  return `${name}${versionText} (xid=0x${xid.toString(16)}):`;
}

function formatFlags({ part }: Identity, context: Context): string {
  return part === undefined ? "" : formatPartFlags(part.flags, part.side, context);
}
