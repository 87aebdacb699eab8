import { kubeconfigAccess } from "#controller/watch/access/kubeconfig.ts";
import type { Kube } from "../rig/kube.ts";
import { type ApiUnderTest, describeReflector, type PodFields } from "../watch/compliance.ts";
import { startKubeOrSkip } from "./start.ts";

const STRANGER = "stranger";
const READER = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "weir-test-reader" };

let kube: Kube | undefined;
let api: ApiUnderTest | undefined;

before(async function () {
  kube = await startKubeOrSkip(this);
  api = await apiOf(kube);
});
after(() => kube?.stop());

describeReflector("the real API server", () => api!, 30_000);

async function apiOf(server: Kube): Promise<ApiUnderTest> {
  let compact = false;
  const access = await kubeconfigAccess(server.kubeconfig);
  const put = (name: string, nodeName: string, fields: PodFields = {}) =>
    server.apply([
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default", ...fields },
        spec: { nodeName, containers: [{ name: "main", image: "none" }] },
      },
    ]);
  return {
    access,
    put,
    async putMany(names, nodeName) {
      // A few at a time: the server has two cores at most.
      for (let i = 0; i < names.length; i += 50)
        await Promise.all(names.slice(i, i + 50).map((name) => put(name, nodeName)));
    },
    async remove(name) {
      await server.request("DELETE", `/api/v1/namespaces/default/pods/${name}?gracePeriodSeconds=0`);
    },
    kill: () => server.kill(),
    async forget() {
      compact = true;
    },
    async restart() {
      if (compact) await server.compact();
      compact = false;
      await server.restart();
    },
    async stranger() {
      const token = await server.mintToken("default", STRANGER);
      return {
        access: await kubeconfigAccess(await server.writeKubeconfig(STRANGER, token)),
        permit: () =>
          server.apply([
            {
              apiVersion: "rbac.authorization.k8s.io/v1",
              kind: "ClusterRole",
              metadata: { name: READER.name },
              rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }],
            },
            {
              apiVersion: "rbac.authorization.k8s.io/v1",
              kind: "ClusterRoleBinding",
              metadata: { name: READER.name },
              roleRef: READER,
              subjects: [{ kind: "ServiceAccount", name: STRANGER, namespace: "default" }],
            },
          ]),
      };
    },
  };
}
