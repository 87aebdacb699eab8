import type { FieldName } from "#openflow/fields.ts";

/** The fields that hold the ports of a protocol. */
export const PORT_FIELDS: Readonly<Record<number, { readonly source: FieldName; readonly destination: FieldName }>> = {
  6: { source: "tcp_src", destination: "tcp_dst" },
  17: { source: "udp_src", destination: "udp_dst" },
  132: { source: "sctp_src", destination: "sctp_dst" },
};
