import { skip } from "#test/support/skip.ts";
import { type Kube, type KubeOptions, startKube } from "../rig/kube.ts";
import { requireKubeBinaries } from "../rig/kube-binaries.ts";

/** For a `before` hook: a private API server, or the whole suite skipped with the command that gets what is missing. */
export async function startKubeOrSkip(context: Mocha.Context, options?: KubeOptions): Promise<Kube> {
  context.timeout(90_000);
  const complaint = await requireKubeBinaries().then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (complaint !== undefined) skip(context, complaint);
  return startKube(options);
}
