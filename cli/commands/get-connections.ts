import type { Command } from "commander";
import type { ConnectionRecord } from "#controller/node/http/node-view.ts";
import { describeDecider } from "#pipeline/denials/connection.ts";
import { describeAtPort, describeEnds, describePeer } from "#pipeline/denials/ends.ts";
import type { Io } from "../io.ts";
import { recordsCommand } from "./records.ts";

export function getConnectionsCommand(io: Io): Command {
  return recordsCommand<ConnectionRecord>(io, {
    name: "connections",
    summary: "new connections on which policies that are logged decided",
    description:
      "new connections on which policies that are logged decided (policy.weir.dev/log): the last thousand of which the node was told; `weirctl status` counts the others too",
    header: ["TIME", "VERDICT", "DIRECTION", "POD", "PEER", "PORT", "BY"],
    row: (one) => [
      ...[one.time, one.verdict, one.direction, one.pod, describePeer(one), describeAtPort(one)],
      describeDecider(one),
    ],
    line: (one) => `${one.time} ${one.pod} ${one.verdict} ${describeEnds(one)}: ${describeDecider(one)}`,
  });
}
