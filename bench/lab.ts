import { join } from "node:path";
import { createFabric, type Fabric } from "../demo/fabric.ts";
import { Lab } from "../demo/lab.ts";
import { readIntent } from "../demo/manifests.ts";
import type { BenchContext } from "./bench.ts";

export const EXAMPLES = join(import.meta.dirname, "..", "examples");

/** A fabric of this benchmark's own, taken down at its end. */
export async function makeFabric({ defer }: BenchContext): Promise<Fabric> {
  const fabric = await createFabric("weir-bench");
  defer(() => fabric.close());
  return fabric;
}

/** Two nodes with Weir, and the example pods. */
export async function makeLab(context: BenchContext): Promise<{ fabric: Fabric; lab: Lab }> {
  const fabric = await makeFabric(context);
  const lab = new Lab({
    fabric,
    narrator: {
      colour: false,
      say: context.say,
      step: (_text, work) => work(),
      print: context.say,
    },
    source: { manifests: EXAMPLES },
    traffic: {},
    uidOf: () => "",
  });
  context.defer(() => lab.close());
  await lab.apply(await readIntent(EXAMPLES));
  return { fabric, lab };
}
