import type { Duty } from "../duty.ts";
import { addressPools } from "./address-pools/index.ts";
import { policyStatus } from "./policy-status.ts";

/** Everything that is done once for the whole cluster. */
export const DUTIES: readonly Duty[] = [policyStatus, addressPools];
