import type { Action } from "#openflow/actions.ts";
import { decodeInstructions } from "#openflow/wire/instructions.ts";
import type { Reader } from "#openflow/wire/reader.ts";

const METER_INSTRUCTION = 6;

/** Instructions of OpenFlow 1.1 to 1.4: a meter is one of them in 1.3 and 1.4, and comes before the actions. */
export function readInstructions(r: Reader): readonly Action[] {
  const actions = r.within("instructions", () => decodeInstructions(r));
  const meters = actions.flatMap(readMeter);
  return meters.length === 0 ? actions : [...meters, ...actions.filter((action) => readMeter(action).length === 0)];
}

function readMeter(action: Action): readonly Action[] {
  if (action.type !== "unknown_instruction") return [];
  const view = new DataView(action.bytes.buffer, action.bytes.byteOffset, action.bytes.length);
  return view.getUint16(0) === METER_INSTRUCTION ? [{ type: "meter", meterId: view.getUint32(4) }] : [];
}
