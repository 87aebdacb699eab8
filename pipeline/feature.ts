import type { Flow, Group, Meter } from "#openflow/flow.ts";
import type { HostRoute } from "./host-state.ts";
import type { FeatureName, Site } from "./layout/sites.ts";
import type { ModelChange, View } from "./model/model.ts";
import type { Owner } from "./owner.ts";
import type { Problem } from "./problem.ts";

/** One fact about the host beside the switch; together they make the HostState. */
export type HostItem =
  | { readonly type: "gateway-address"; readonly cidr: string }
  | { readonly type: "route"; readonly route: HostRoute }
  | { readonly type: "pod-cidr"; readonly cidr: string; readonly local: boolean }
  | { readonly type: "node-address"; readonly address: string }
  /** Which of HostServices' ports it is; with the address to which a balancer has led it. */
  | {
      readonly type: "service-port";
      readonly at: "node" | "own" | "outside";
      readonly port: string;
      readonly balanced?: string | undefined;
    }
  | { readonly type: "health-check"; readonly port: number; readonly service: string };

/** What one key of a feature adds to a target. The cookie is not part of it: it follows from site and owners, of whom there is one at least. */
export type Contribution =
  | {
      readonly target: "flow";
      readonly flow: Omit<Flow, "cookie">;
      readonly site: Site;
      readonly owners: readonly Owner[];
    }
  /** A number is the feature's own to choose: one of two that want a number otherwise loses. */
  | {
      readonly target: "group";
      readonly group: Group;
      readonly site: Site;
      readonly owners: readonly Owner[];
    }
  | {
      readonly target: "meter";
      readonly meter: Meter;
      readonly site: Site;
      readonly owners: readonly Owner[];
    }
  | { readonly target: "host"; readonly item: HostItem; readonly owner: Owner }
  | { readonly target: "problem"; readonly problem: Problem; readonly owner: Owner };

/**
 * A feature is two pure functions over the model: which of my keys does a change touch, and everything that one key
 * contributes. There is no third for updates and deletes: the engine compares what a key gave before and now.
 */
export interface Feature {
  readonly name: FeatureName;
  /** Keys that exist whatever the model holds. */
  readonly always: readonly string[];
  affected(change: ModelChange, view: View): Iterable<string>;
  derive(key: string, view: View): readonly Contribution[];
}
