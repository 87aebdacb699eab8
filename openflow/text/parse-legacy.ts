import type { Action } from "#openflow/actions.ts";
import type { FieldName } from "#openflow/fields.ts";
import type { ActionContext } from "./action-context.ts";
import { parsePort } from "./names.ts";
import { parseEthernet, parseIpv4 } from "./parse-values.ts";
import { isIp, PROTOCOL } from "./prerequisites.ts";
import { fail, parseUnsigned, parseWide, type Word } from "./syntax.ts";

type Parse = (word: Word, context: ActionContext) => readonly Action[];

function setField(field: FieldName, value: number | bigint): readonly Action[] {
  return [{ type: "set_field", field, value }];
}

/** A number of so many bits, though the text may have more of them. */
function limited(word: Word, bits: number): number {
  return parseUnsigned(word.text, word.value, bits);
}

const PRESENT = 0x1000;
const ETHER_TYPE_VLAN = 0x8100;

function pushVlanUnlessThere({ kind }: ActionContext): readonly Action[] {
  return kind !== undefined && kind.vlanTags > 0 ? [] : [{ type: "push_vlan", etherType: ETHER_TYPE_VLAN }];
}

/** Which field a port is depends on the protocol that the flow matches. */
function setTransportPort(end: "src" | "dst"): Parse {
  return (word, { kind }) => {
    const port = limited(word, 16);
    for (const protocol of ["tcp", "udp", "sctp"] as const)
      if (kind !== undefined && isIp(kind) && kind.protocol === PROTOCOL[protocol])
        return setField(`${protocol}_${end}`, port);
    return fail(word.text, "can be done only in a flow that matches tcp, udp or sctp");
  };
}

/** Words of older versions, and what they are in OpenFlow 1.5. */
export const LEGACY_PARSERS: Readonly<Record<string, Parse>> = {
  set_vlan_vid: (word) => setField("vlan_vid", limited(word, 12) | PRESENT),
  set_vlan_pcp: (word) => setField("vlan_pcp", limited(word, 3)),
  mod_vlan_vid: (word, context) => [
    ...pushVlanUnlessThere(context),
    ...setField("vlan_vid", limited(word, 12) | PRESENT),
  ],
  mod_vlan_pcp: (word, context) => [...pushVlanUnlessThere(context), ...setField("vlan_pcp", limited(word, 3))],
  strip_vlan: () => [{ type: "pop_vlan" }],
  mod_dl_src: ({ value, text }) => setField("eth_src", Number(parseEthernet(text, value))),
  mod_dl_dst: ({ value, text }) => setField("eth_dst", Number(parseEthernet(text, value))),
  mod_nw_src: ({ value, text }) => setField("ip_src", Number(parseIpv4(text, value))),
  mod_nw_dst: ({ value, text }) => setField("ip_dst", Number(parseIpv4(text, value))),
  mod_nw_tos(word) {
    const tos = limited(word, 8);
    if ((tos & 3) !== 0) fail(word.text, "the lowest two bits are nw_ecn: a multiple of 4 is expected");
    return setField("ip_dscp", tos >> 2);
  },
  mod_nw_ecn: (word) => setField("nw_ecn", limited(word, 2)),
  mod_tp_src: setTransportPort("src"),
  mod_tp_dst: setTransportPort("dst"),
  set_mpls_label: (word) => setField("mpls_label", limited(word, 20)),
  set_mpls_tc: (word) => setField("mpls_tc", limited(word, 3)),
  set_tunnel: ({ value, text }) => setField("tun_id", parseWide(text, value, 64)),
  set_tunnel64: ({ value, text }) => setField("tun_id", parseWide(text, value, 64)),
  enqueue({ value, text }, { names }) {
    const [, port, queue] = /^([^:q,]+)[:q,]+(.+)$/.exec(value.trim()) ?? [];
    if (port === undefined || queue === undefined) return fail(text, "enqueue:PORT:QUEUE is expected");
    return [
      { type: "set_queue", queueId: parseUnsigned(text, queue, 32) },
      { type: "output", port: parsePort(text, port, names) },
      { type: "pop_queue" },
    ];
  },
};
