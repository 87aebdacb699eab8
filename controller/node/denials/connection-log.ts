import type { Log } from "#base/log.ts";
import { describeConnections, type LoggedConnection } from "#pipeline/denials/connection.ts";
import type { ToldPacket } from "#pipeline/denials/metadata.ts";
import type { View } from "#pipeline/model/model.ts";
import { createRecent, type Recent } from "./recent.ts";

/** A decision on a new connection, and when the node process was told of it. */
export type ConnectionRecord = LoggedConnection & { readonly time: string };

/** What policies that are logged decide. */
export interface ConnectionLog extends Pick<Recent<ConnectionRecord>, "recent" | "follow"> {
  /** The first packet of a connection. */
  take(packet: ToldPacket): void;
  /** How many connections the node process was told of. */
  readonly told: number;
}

export interface ConnectionLogOptions {
  readonly view: View;
  readonly log: Log;
  readonly now: () => Date;
}

export function createConnectionLog({ view, log, now }: ConnectionLogOptions): ConnectionLog {
  const records = createRecent<ConnectionRecord>();
  let told = 0;
  return {
    get told() {
      return told;
    },
    take(packet) {
      told++;
      for (const connection of describeConnections(packet, view)) {
        records.add({ time: now().toISOString(), ...connection });
        log.info("a policy decided on a connection", { ...connection });
      }
    },
    recent: records.recent,
    follow: records.follow,
  };
}
