import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import { NO_BUFFER } from "#openflow/messages/flow-mod.ts";
import type { Message } from "#openflow/messages/message.ts";
import { OFPP } from "#openflow/ports.ts";
import type { ToldPacket } from "#pipeline/denials/metadata.ts";
import { refuse } from "#pipeline/denials/refusal.ts";
import type { View } from "#pipeline/model/model.ts";

/** Answers what policies refuse. */
export interface Refuser {
  /** A packet from the switch, which a policy refuses. */
  take(packet: ToldPacket): void;
}

export interface RefuserOptions {
  readonly view: View;
  readonly log: Log;
  connection(): OpenFlowConnection | undefined;
}

/** So many may wait while others are sent; the meter lets no more come in seconds. */
const MOST_WAITING = 1000;

export function createRefuser({ view, log, connection }: RefuserOptions): Refuser {
  let waiting: Message[] = [];
  let isSending = false;

  async function send(): Promise<void> {
    isSending = true;
    while (waiting.length > 0) {
      const messages = waiting;
      waiting = [];
      try {
        const refusals = (await connection()?.sendAll(messages)) ?? [];
        for (const { error } of refusals)
          log.warn("the switch did not send a refusal", { reason: describeError(error) });
      } catch (error) {
        // Whoever was to be told tries again, or waits as long as he would without.
        log.debug("refusals could not be sent", { reason: describeError(error) });
      }
    }
    isSending = false;
  }

  return {
    take(packet) {
      const refusal = refuse(packet, view);
      if (refusal === undefined || waiting.length >= MOST_WAITING) return;
      // It comes from nobody's port, and may leave by any.
      const metadata = [{ field: "in_port", value: OFPP.CONTROLLER }] as const;
      waiting.push({ type: "packet_out", bufferId: NO_BUFFER, metadata, ...refusal });
      // It never rejects.
      if (!isSending) void send();
    },
  };
}
