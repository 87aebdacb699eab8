import type { Action, EncapProperty } from "#openflow/actions.ts";
import { fail, parseBytes, parseChoice, parseUnsigned, splitWords, type Word } from "./syntax.ts";

/** encap(nsh(md_type=1,tlv(0x1000,10,0x12345678))) */
export function parseEncap({ value, text }: Word): Action {
  const [header, ...others] = splitWords(value);
  if (header === undefined || others.length > 0) return fail(text, "one header is expected");
  const kind = parseChoice(text, header.key, ["ethernet", "nsh", "mpls", "mpls_mc"]);
  const properties = [...splitWords(header.value)].map((property) =>
    kind === "nsh" ? parseProperty(property) : fail(property.text, `${kind} takes no properties`),
  );
  return { type: "encap", header: kind, ...(properties.length === 0 ? {} : { properties }) };
}

const MAX_TLV = 127;

function parseProperty({ key, value, text }: Word): EncapProperty {
  if (key === "md_type") {
    const type = parseUnsigned(text, value, 8);
    return type === 1 || type === 2 ? { type: "md_type", value: type } : fail(text, "1 or 2 is expected");
  }
  const [tlvClass, tlvType, bytes] = value.split(",").map((part) => part.trim());
  if (key !== "tlv" || tlvClass === undefined || tlvType === undefined || !bytes?.startsWith("0x"))
    return fail(text, "md_type=TYPE or tlv(CLASS,TYPE,0xBYTES) is expected");
  const content = parseBytes(text, bytes.slice(2));
  if (content.length > MAX_TLV) fail(text, `${content.length} bytes; ${MAX_TLV} are the most`);
  return {
    type: "tlv",
    tlvClass: parseUnsigned(text, tlvClass, 16),
    tlvType: parseUnsigned(text, tlvType, 8),
    bytes: content,
  };
}

/** decap() or decap(packet_type(ns=1,type=0x800)) */
export function parseDecap({ value, text }: Word): Action {
  const [argument] = splitWords(value);
  if (argument === undefined) return { type: "decap" };
  const [space, type] = splitWords(argument.value);
  if (argument.key !== "packet_type" || space?.key !== "ns" || type?.key !== "type")
    return fail(text, "packet_type(ns=SPACE,type=TYPE) is expected");
  const high = parseUnsigned(space.text, space.value, 16);
  if (high > 1) fail(space.text, "0 or 1 is expected");
  const packetType = high * 0x1_0000 + parseUnsigned(type.text, type.value, 16);
  return packetType === 0xfffe ? { type: "decap" } : { type: "decap", packetType };
}
