import type { Duty } from "../duty.ts";
import { policyStatus } from "./policy-status.ts";

/** Everything that is done once for the whole cluster. */
export const DUTIES: readonly Duty[] = [policyStatus];
