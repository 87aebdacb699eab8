import * as z from "zod/mini";
import { absolutePath, described, hostAndPort, matching, oneOf, section } from "#controller/process/config/fields.ts";

const name = () =>
  matching(
    /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    "a name as Kubernetes spells it: lower case letters, digits, '-' and '.'",
  );

/** The whole configuration of weir-cluster. */
export const schema = z.strictObject(
  {
    source: section({
      kubernetes: section({
        kubeconfig: z.exactOptional(
          described(
            absolutePath(),
            "A kubeconfig file. Absent: the pod's own service account, or else $KUBECONFIG or ~/.kube/config.",
            "/etc/weir/kubeconfig",
          ),
        ),
      }),
    }),
    lease: section({
      namespace: z.exactOptional(
        described(
          name(),
          "Where the Lease is by which one instance is chosen. Absent: $POD_NAMESPACE, or else `kube-system`.",
        ),
      ),
      name: described(z._default(name(), "weir-cluster"), "Its name."),
    }),
    http: section({
      address: described(
        z._default(hostAndPort(), "127.0.0.1:10351"),
        "Where /livez, /readyz and /metrics are served; `:10351` is every address.",
      ),
    }),
    log: section({
      level: described(
        z._default(oneOf("error", "warn", "info", "debug"), "info"),
        "What is logged, and all above it.",
      ),
    }),
  },
  { error: "keys and values" },
);

export type ParsedConfig = z.output<typeof schema>;
