import type { Feature } from "../feature.ts";
import type { Settings } from "../settings.ts";
import { createBaseFeature } from "./base.ts";
import { createConnectionsFeature } from "./connections.ts";
import { createNodesFeature } from "./nodes.ts";
import { createPodsFeature } from "./pods.ts";
import { createPoliciesFeature } from "./policies.ts";
import { createServicesFeature } from "./services.ts";
import { createStagingFeature } from "./staging.ts";

/** All features, in the order of the pipeline document. */
export function createFeatures(settings: Settings): readonly Feature[] {
  return [
    createBaseFeature(settings),
    createPodsFeature(),
    createNodesFeature(settings),
    createConnectionsFeature(settings),
    createPoliciesFeature(settings),
    createStagingFeature(settings),
    createServicesFeature(settings),
  ];
}
