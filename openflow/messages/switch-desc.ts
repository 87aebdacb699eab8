import { fixedText, struct } from "#openflow/wire/codec.ts";

/** OFPMP_DESC (OpenFlow 1.5.1 section 7.3.5.1). */
export const switchDesc = struct({
  manufacturer: fixedText(256),
  hardware: fixedText(256),
  software: fixedText(256),
  serialNumber: fixedText(32),
  datapath: fixedText(256),
});
