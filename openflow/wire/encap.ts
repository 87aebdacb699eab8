import type { ActionOf, EncapProperty } from "#openflow/actions.ts";
import { nicira } from "./action-codec.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** Packet types: a name space in the upper half, 0 for Ethernet, 1 for an EtherType, which stands in the lower half. */
const PACKET_TYPES = {
  ethernet: 0x0000_0000,
  nsh: 0x0001_894f,
  mpls: 0x0001_8847,
  mpls_mc: 0x0001_8848,
} as const;
type Header = ActionOf<"encap">["header"];
const headersByType = new Map<number, Header>(
  Object.entries(PACKET_TYPES).map(([header, type]) => [type, header as Header]),
);

/** (0, 0xfffe): what the packet itself says. */
const NEXT_PROTOCOL = 0xfffe;

/*
 * NXAST_ENCAP behind the Nicira header: size of the header (16) | packet type (32) | properties, each padded to 8 bytes:
 *
 *     class (16), 4 for NSH | type (8) | length without padding (8) | value
 *
 *     value of md_type: md_type (8)
 *     value of tlv: class (16) | type (8) | length (8) | bytes, padded to 8 within the length
 */
const NSH_CLASS = 4;
const MD_TYPE = 1;
const TLV = 2;

function encodeProperty(w: Writer, property: EncapProperty): void {
  const start = w.offset;
  w.u16(NSH_CLASS);
  if (property.type === "md_type") {
    w.u8(MD_TYPE);
    w.u8(5);
    w.u8(property.value);
    w.pad(start, 8);
    return;
  }
  const { tlvClass, tlvType, bytes } = property;
  w.u8(TLV);
  w.u8(8 + Math.ceil(bytes.length / 8) * 8);
  w.u16(tlvClass);
  w.u8(tlvType);
  w.u8(bytes.length);
  w.raw(bytes);
  w.pad(start, 8);
}

function decodeProperty(r: Reader): EncapProperty {
  const propertyClass = r.u16();
  const type = r.u8();
  const length = r.u8();
  if (length < 4) r.fail(`property length ${length}; at least 4 is expected`);
  if (propertyClass !== NSH_CLASS || (type !== MD_TYPE && type !== TLV))
    r.fail(`encap property ${type} of class ${propertyClass} is not known`);
  const property = r.slice(length - 4, (): EncapProperty => {
    if (type === MD_TYPE) return { type: "md_type", value: r.u8() };
    const tlvClass = r.u16();
    const tlvType = r.u8();
    return { type: "tlv", tlvClass, tlvType, bytes: r.raw(r.u8()) };
  });
  r.skip(Math.min(r.left, (8 - (length % 8)) % 8));
  return property;
}

export const encapForms = [
  nicira("encap", 46, {
    encode(w, { header, headerSize, properties = [] }) {
      w.u16(headerSize ?? 0);
      w.u32(PACKET_TYPES[header]);
      for (const property of properties) encodeProperty(w, property);
    },
    decode(r) {
      const headerSize = r.u16();
      const type = r.u32();
      const header = headersByType.get(type) ?? r.fail(`no header has packet type 0x${type.toString(16)}`);
      const properties: EncapProperty[] = [];
      while (r.left > 0) properties.push(decodeProperty(r));
      return {
        type: "encap",
        header,
        ...(headerSize === 0 ? {} : { headerSize }),
        ...(properties.length === 0 ? {} : { properties }),
      };
    },
  }),
  /** NXAST_DECAP: zeros (16), packet type (32). */
  nicira("decap", 47, {
    encode(w, { packetType }) {
      w.u16(0);
      w.u32(packetType ?? NEXT_PROTOCOL);
    },
    decode(r) {
      r.skip(2);
      const packetType = r.u32();
      return packetType === NEXT_PROTOCOL ? { type: "decap" } : { type: "decap", packetType };
    },
  }),
];
