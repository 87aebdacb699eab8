import type { Mac } from "#base/address.ts";
import { type Codec, fixedText, listOf, pad, struct, u8, u32, u48 } from "#openflow/wire/codec.ts";

/** ofp_port (OpenFlow 1.5.1 section 7.2.1). Properties are kept as they came. */
export interface PortDesc {
  readonly port: number;
  readonly hwAddr: Mac;
  readonly name: string;
  readonly config: number;
  readonly state: number;
  readonly properties: Uint8Array;
}

const head = struct({ hwAddr: u48, _pad: pad(2), name: fixedText(16), config: u32, state: u32 });

export const portDesc: Codec<PortDesc> = {
  encode(w, port) {
    const start = w.offset;
    w.u32(port.port);
    w.u32(0);
    head.encode(w, port);
    w.raw(port.properties);
    w.patch16(start + 4, w.offset - start);
  },
  decode(r) {
    const port = r.u32();
    const length = r.u16();
    r.skip(2);
    return r.slice(length - 8, () => {
      const { hwAddr, ...others } = head.decode(r);
      return { port, hwAddr: hwAddr as Mac, ...others, properties: r.raw(r.left) };
    });
  },
};

export const portDescList = listOf("ports", portDesc);

/** OFPT_PORT_STATUS; reason 0 added, 1 deleted, 2 modified. */
export const portStatus = struct({ reason: u8, _pad: pad(7), desc: portDesc });
