import { nicira } from "./action-codec.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

const WHOLE_PACKET = 0xffff;
/** OFPR_ACTION. */
const ACTION = 1;

/*
 * NXAST_CONTROLLER2 behind the Nicira header: zeros (48), then properties, each padded to 8 bytes:
 *
 *     type (16) | length without padding (16) | value
 */
const MAX_LEN = 0;
const CONTROLLER_ID = 1;
const REASON = 2;
const USERDATA = 3;
const PAUSE = 4;
const METER_ID = 5;

function encodeProperty(w: Writer, type: number, value: () => void): void {
  const start = w.offset;
  w.u16(type);
  w.u16(0);
  value();
  w.patch16(start + 2, w.offset - start);
  w.pad(start, 8);
}

interface Properties {
  maxLength?: number;
  id?: number;
  reason?: number;
  userdata?: Uint8Array;
  pause?: boolean;
  meterId?: number;
}

function decodeProperty(r: Reader, properties: Properties): void {
  const type = r.u16();
  const length = r.u16();
  if (length < 4) r.fail(`property length ${length}; at least 4 is expected`);
  r.slice(length - 4, () => {
    if (type === MAX_LEN) properties.maxLength = r.u16();
    else if (type === CONTROLLER_ID) properties.id = r.u16();
    else if (type === REASON) properties.reason = r.u8();
    else if (type === USERDATA && r.left > 0) properties.userdata = r.raw(r.left);
    else if (type === PAUSE) properties.pause = true;
    else if (type === METER_ID) properties.meterId = r.u32();
    else if (type !== USERDATA) r.fail(`controller property ${type} is not known`);
  });
  r.skip(Math.min(r.left, (8 - (length % 8)) % 8));
}

/** What is so by default is left out, whether the message said it or not. */
function withoutDefaults({ maxLength, id, reason, ...others }: Properties): Properties {
  return {
    ...(maxLength === undefined || maxLength === WHOLE_PACKET ? {} : { maxLength }),
    ...(id === undefined || id === 0 ? {} : { id }),
    ...(reason === undefined || reason === ACTION ? {} : { reason }),
    ...others,
  };
}

export const controllerForms = [
  /** NXAST_CONTROLLER: longest packet (16), controller id (16), reason (8), zero. */
  nicira("controller", 20, {
    fits: ({ userdata, pause, meterId }) => userdata === undefined && pause !== true && meterId === undefined,
    encode(w, { maxLength, id, reason }) {
      w.u16(maxLength ?? WHOLE_PACKET);
      w.u16(id ?? 0);
      w.u8(reason ?? ACTION);
      w.u8(0);
    },
    decode(r) {
      const maxLength = r.u16();
      const id = r.u16();
      const reason = r.u8();
      r.skip(1);
      return { type: "controller", ...withoutDefaults({ maxLength, id, reason }) };
    },
  }),
  nicira("controller", 37, {
    encode(w, { maxLength = WHOLE_PACKET, id = 0, reason = ACTION, userdata, pause, meterId }) {
      w.zeros(6);
      if (maxLength !== WHOLE_PACKET)
        encodeProperty(w, MAX_LEN, () => {
          w.u16(maxLength);
          w.u16(0);
        });
      if (id !== 0)
        encodeProperty(w, CONTROLLER_ID, () => {
          w.u16(id);
          w.u16(0);
        });
      if (reason !== ACTION) encodeProperty(w, REASON, () => w.u8(reason));
      if (userdata !== undefined && userdata.length > 0) encodeProperty(w, USERDATA, () => w.raw(userdata));
      if (pause === true) encodeProperty(w, PAUSE, () => undefined);
      if (meterId !== undefined) encodeProperty(w, METER_ID, () => w.u32(meterId));
    },
    decode(r) {
      r.skip(6);
      const properties: Properties = {};
      while (r.left > 0) decodeProperty(r, properties);
      return { type: "controller", ...withoutDefaults(properties) };
    },
  }),
];
