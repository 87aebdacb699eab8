import { bundleAddHead } from "#openflow/messages/bundles.ts";
import { HEADER_SIZE, identify, readHeader } from "#openflow/messages/identity.ts";
import { fits } from "#openflow/messages/layout.ts";
import { type Format, findFormat } from "#openflow/messages/message.ts";
import { Reader } from "#openflow/wire/reader.ts";
import { FLAGS } from "./bundles.ts";
import { type Context, formatBits, refuse, shortHex } from "./words.ts";

/** Prints a message that stands in another one. */
export type Quote = (bytes: Uint8Array, verbosity: number) => string;

const EXPERIMENTER = 4;
const BUNDLE_HEAD = 8;
/** What may stand in a bundle. */
const BUNDLED = new Set([
  ...["OFPT_PORT_MOD", "OFPT_FLOW_MOD", "NXT_FLOW_MOD", "OFPT_GROUP_MOD", "NXT_GROUP_MOD", "OFPT_PACKET_OUT"],
]);

/** What stands behind the header of OpenFlow, and of an experimenter where there is one. */
function bodyOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(HEADER_SIZE + (bytes[1] === EXPERIMENTER ? 8 : 0));
}

function checkLength(member: Uint8Array): void {
  const length = member.length < HEADER_SIZE ? 0 : readHeader(new Reader(member)).length;
  if (length < HEADER_SIZE || length > member.length)
    refuse(`a member of ${length} bytes, of which ${member.length} are here`, "OFPBFC_MSG_BAD_LEN");
}

/** Undefined for a message that nobody knows, or of no length that it may have. */
function formatOf(member: Uint8Array): Format | undefined {
  const r = new Reader(member);
  const format = findFormat(identify(r, readHeader(r)));
  return format !== undefined && fits(format, r.left) ? format : undefined;
}

/** OFPT_BUNDLE_ADD_MESSAGE. The message in it is printed for itself, also where it is wrong. */
export function formatBundleAdd({ bytes, verbosity }: Context, quote: Quote): string {
  const body = bodyOf(bytes);
  const rest = body.subarray(BUNDLE_HEAD);
  if (rest.length < HEADER_SIZE) refuse("there is no header of a member", "OFPBFC_MSG_BAD_LEN");
  const { version, length, xid } = readHeader(new Reader(rest));
  if (version !== bytes[0]) refuse("its member is of another version", "OFPBFC_BAD_VERSION");
  checkLength(rest);
  if (xid !== readHeader(new Reader(bytes)).xid) refuse("its member has another xid", "OFPBFC_MSG_BAD_XID");
  const member = rest.subarray(0, length);
  if (!BUNDLED.has(formatOf(member)?.name ?? "")) refuse("its member cannot be part of a bundle", "OFPBFC_MSG_UNSUP");
  const { bundleId, flags } = bundleAddHead.decode(new Reader(body));
  return `\n bundle_id=${shortHex(bundleId)} flags=${formatBits(flags, FLAGS)}\n${quote(member, verbosity)}`;
}

/** OFPT_REQUESTFORWARD holds one whole message of its own version. */
export function checkForwarded(bytes: Uint8Array): void {
  const member = bodyOf(bytes);
  checkLength(member);
  if (member[0] !== bytes[0]) refuse("its member is of another version", "OFPBRC_BAD_VERSION");
}
