import { nameError } from "#openflow/error-names.ts";
import { OPENFLOW_VERSION } from "#openflow/messages/handshake.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import { formatActionBits } from "./capabilities.ts";
import { formatPortDescs } from "./ports.ts";
import { type Context, formatBits, formatHexDump, formatPrintable, isSince, refuse } from "./words.ts";

const VERSION_BITMAP = 1;

/** The versions of the last bitmap, or all up to the header's; and whether all of the message was understood. */
function readVersions({ version, bytes }: Context): { readonly bitmap: number; readonly understood: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let bitmap = (version < 31 ? 2 ** (version + 1) - 2 : 0xffff_fffe) >>> 0;
  let understood = true;
  for (let offset = 8; offset < bytes.length; ) {
    const length = offset + 4 <= bytes.length ? view.getUint16(offset + 2) : 0;
    const next = offset + ((length + 7) & ~7);
    if (length < 4 || next > bytes.length) return { bitmap, understood: false };
    const isBitmap = view.getUint16(offset) === VERSION_BITMAP && length > 4 && length % 4 === 0;
    const versions = isBitmap ? (view.getUint32(offset + 4) & ~1) >>> 0 : 0;
    if (versions === 0) understood = false;
    else bitmap = versions;
    offset = next;
  }
  return { bitmap, understood };
}

export function formatHello(context: Context): string {
  const { bitmap, understood } = readVersions(context);
  const versions = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (bitmap >>> bit) & 1);
  const text = `\n version bitmap: ${versions.map((bit) => `0x${bit.toString(16).padStart(2, "0")}`).join(", ")}`;
  return understood ? text : `${text}\n unknown data in hello:\n${formatHexDump(context.bytes)}`;
}

/** `quote` prints what was refused. */
export function formatError(
  message: MessageOf<"error">,
  { version }: Context,
  quote: (bytes: Uint8Array) => string,
): string {
  const { errorType, errorCode } = message;
  const error = nameError(version, message);
  if (error === undefined)
    return refuse(`error type ${errorType}, code ${errorCode} is not known in this version`, "OFPBRC_BAD_LEN");
  const isText = error.name === "OFPHFC_INCOMPATIBLE" || error.name === "OFPHFC_EPERM";
  return ` ${error.name}\n${isText ? formatPrintable(error.data) : quote(error.data)}`;
}

export function formatEcho({ data }: { readonly data: Uint8Array }, { verbosity }: Context): string {
  return ` ${data.length} bytes of payload\n${verbosity > 1 ? formatHexDump(data) : ""}`;
}

/** OFPC_* by bit; the third is STP in OpenFlow 1.0. */
const CAPABILITIES = [
  "FLOW_STATS",
  "TABLE_STATS",
  "PORT_STATS",
  "GROUP_STATS",
  undefined,
  "IP_REASM",
  "QUEUE_STATS",
  "ARP_MATCH_IP",
  "PORT_BLOCKED",
  "BUNDLES",
  "FLOW_MONITORING",
] as const;
const CAPABILITIES_OF_1_0 = CAPABILITIES.map((name) => (name === "GROUP_STATS" ? "STP" : name));

/** The bits that the version has. */
function capabilitiesOf(bits: number, version: number): number {
  const common = 0b110_1111;
  if (version <= OPENFLOW_VERSION["1.1"]) return bits & (common | (1 << 7));
  if (version <= OPENFLOW_VERSION["1.3"]) return bits & (common | (1 << 8));
  return bits & (common | (0b111 << 8));
}

export function formatFeatures(features: MessageOf<"features_reply">, context: Context): string {
  const { version } = context;
  const { datapathId, tables, buffers, auxiliaryId, capabilities, reserved, ports = [] } = features;
  const auxiliary = auxiliaryId === 0 || version < OPENFLOW_VERSION["1.3"] ? "" : `, auxiliary_id:${auxiliaryId}`;
  const names = version === OPENFLOW_VERSION["1.0"] ? CAPABILITIES_OF_1_0 : CAPABILITIES;
  return (
    ` dpid:${datapathId.toString(16).padStart(16, "0")}\n` +
    `n_tables:${tables}, n_buffers:${buffers}${auxiliary}\n` +
    `capabilities: ${formatBits(capabilitiesOf(capabilities, version), names)}\n` +
    (version === OPENFLOW_VERSION["1.0"] && reserved !== 0 ? `actions: ${formatActionBits(reserved, context)}\n` : "") +
    formatPortDescs(ports, context)
  );
}

const FRAGMENTS = ["normal", "drop", "reassemble", "nx-match"];
const FRAGMENT_MASK = 3;
const INVALID_TTL = 4;

export function formatConfig(
  message: MessageOf<"set_config"> | MessageOf<"get_config_reply">,
  context: Context,
): string {
  const { type, flags, missSendLength } = message;
  const known = isSince("1.3", context) ? FRAGMENT_MASK : FRAGMENT_MASK | INVALID_TTL;
  if (type === "set_config" && (flags & ~known) !== 0) refuse(`flags ${flags} are not known`, "OFPSCFC_BAD_FLAGS");
  const ttl = (flags & known & INVALID_TTL) === 0 ? "" : " invalid_ttl_to_controller";
  return ` frags=${FRAGMENTS[flags & FRAGMENT_MASK]}${ttl} miss_send_len=${missSendLength}\n`;
}
