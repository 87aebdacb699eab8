import type { Command } from "commander";
import type { DenialRecord } from "#controller/node/http/node-view.ts";
import { describeBlame, describeDenied } from "#pipeline/denials/denial.ts";
import { describeAtPort, describePeer } from "#pipeline/denials/ends.ts";
import type { Io } from "../io.ts";
import { recordsCommand } from "./records.ts";

export function getDenialsCommand(io: Io): Command {
  return recordsCommand<DenialRecord>(io, {
    name: "denials",
    summary: "packets that policies denied, with the reason",
    description:
      "packets that policies denied: the last thousand of which the node was told; `weirctl status` counts the others too",
    header: ["TIME", "DIRECTION", "POD", "PEER", "PORT", "CONNECTION", "BECAUSE OF"],
    row: (denial) => [
      ...[denial.time, denial.direction, denial.pod, describePeer(denial), describeAtPort(denial)],
      ...[denial.staged ? "staged" : denial.connection, describeBlame(denial)],
    ],
    line: (denial) => `${denial.time} ${denial.pod} ${describeDenied(denial)}: ${describeBlame(denial)}`,
  });
}
