import { startKube } from "#test/rig/kube.ts";
import { type ApiNode, makeApiNode } from "#test/support/api-node.ts";
import type { BenchContext } from "./bench.ts";
import { BUNDLE, buildBundle } from "./bundled-node.ts";
import { makeFabric } from "./lab.ts";

export type PolicyRig = ApiNode;

/** A node as in the image, on a real API server, with pods. */
export async function startPolicyRig(context: BenchContext, podCount: number): Promise<PolicyRig> {
  await buildBundle();
  const fabric = await makeFabric(context);
  const kube = await startKube();
  context.defer(() => kube.stop());
  return makeApiNode({ fabric, kube, podCount, program: BUNDLE, defer: context.defer });
}
