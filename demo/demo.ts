/** `make demo`: Weir on two nodes, from a folder of manifests or an API server, with real packets. See README.md. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describeError } from "#base/errors.ts";
import { createFabric } from "./fabric.ts";
import { createFolderCopy, readObjects } from "./folder.ts";
import { type DemoKube, startDemoKube } from "./kube.ts";
import { Lab } from "./lab.ts";
import { type Follower, followManifests, type Intent } from "./manifests.ts";
import { type Cell, formatMatrix } from "./matrix.ts";
import { describeMore } from "./more.ts";
import { createNarrator } from "./narrator.ts";
import { type DemoOptions, readOptions } from "./options.ts";
import { probeTwice } from "./probing.ts";
import { servicesOf } from "./services.ts";
import { createVerdicts } from "./verdicts.ts";

const narrator = createNarrator();
const undo: (() => unknown)[] = [];
const stopped = new Promise<string>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve(signal));
});

try {
  await Promise.race([run(readOptions(process.env)), stopped]);
} catch (error) {
  process.stderr.write(`\nmake demo: ${describeError(error)}\n`);
  process.exitCode = 1;
} finally {
  if (undo.length > 0) await narrator.step("everything removed", removeAll);
}
// What was interrupted half-way may still wait for something.
process.exit();

async function removeAll(): Promise<void> {
  for (const step of undo.reverse()) await Promise.resolve(step()).catch((error) => narrator.say(describeError(error)));
}

async function run(options: DemoOptions): Promise<void> {
  const fabric = await narrator.step("the wire and the world outside", () => createFabric(options.name));
  undo.push(() => fabric.close());
  const kube = options.api ? await startApi(fabric.outside.netns, fabric.outside.addresses[4] ?? "") : undefined;
  let uids: ReadonlyMap<string, string> = new Map();
  const copy = join(fabric.directory, "manifests");
  await mkdir(copy, { recursive: true });
  const plane = kube?.follow(options.directory) ?? createFolderCopy(options.directory, copy);
  const lab = new Lab({
    fabric,
    narrator,
    source: kube === undefined ? { manifests: copy } : { kubernetes: { kubeconfig: kube.kubeconfig } },
    traffic: { encapsulation: options.encapsulation, tunnel: options.tunnel },
    uidOf: (key) => uids.get(key) ?? "",
  });
  undo.push(() => lab.close());
  const takeOver = async (intent: Intent) => {
    const publish = () => plane.publish(lab.addresses);
    uids = kube === undefined ? await publish() : await narrator.step("manifests applied to the API server", publish);
    const fresh = await lab.apply(intent);
    // As a kubelet and the controllers would: only now the pods have addresses, and services endpoints.
    await publish();
    return fresh;
  };
  const cells = await follow(options, lab, takeOver);
  const faults = cells.filter(({ fault }) => fault !== undefined).length;
  if (options.once) {
    process.exitCode = faults === 0 ? 0 : 1;
    return;
  }
  narrator.print(describeMore(lab, options));
  await new Promise(() => {});
}

async function startApi(netns: string, address: string): Promise<DemoKube> {
  const kube = await narrator.step(
    ({ server }: DemoKube) => `etcd and kube-apiserver, ${server}`,
    () => startDemoKube(netns, address),
  );
  undo.push(() => kube.stop());
  return kube;
}

/** The first time everything is brought up and probed; then each change of the folder, with the rows and columns it touches. */
async function follow(
  options: DemoOptions,
  lab: Lab,
  takeOver: (intent: Intent) => Promise<readonly { label: string }[]>,
): Promise<readonly Cell[]> {
  return new Promise((resolve, reject) => {
    let first = true;
    const onIntent = async (intent: Intent) => {
      try {
        const fresh = await takeOver(intent);
        const all = first || intent.concernsPolicies;
        if (!all && fresh.length === 0) return;
        const labels = new Set(fresh.map(({ label }) => label));
        const touches = (label: string) => all || labels.has(label);
        const endpoints = lab.endpoints.map(({ endpoint }) => endpoint);
        const services = servicesOf(intent.objects, readObjects(options.directory), endpoints);
        const columns = [...endpoints, ...services];
        const judge = createVerdicts(intent.objects, columns);
        const cells = await narrator.step(
          (done) => `${done.length} probes with real packets`,
          () => probeTwice(lab.endpoints, services, (from, to) => touches(from.label) || touches(to.label), judge),
        );
        narrator.print(`\n${formatMatrix(columns, cells, narrator.colour)}\n`);
        if (first) resolve(cells);
        first = false;
      } catch (error) {
        if (first) reject(error);
        else narrator.say(describeError(error));
      }
    };
    const follower: Follower = followManifests(options.directory, onIntent, ({ object, field, message }) =>
      narrator.say(`problem: ${[object, field].filter(Boolean).join(", ")} ${message}`),
    );
    undo.push(() => follower.close());
  });
}
