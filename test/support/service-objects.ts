import type { Kube } from "#test/rig/kube.ts";

const PARALLEL = 20;
const SERVICES = "/api/v1/namespaces/default/services";
const SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
export const ENDPOINTS = 10;

/** Creates services `from` to `to`, each with its endpoints; resolves when the API server has taken the last. */
export function createServices(kube: Kube, from: number, to: number): Promise<void> {
  return inParallel(from, to, async (i) => {
    await request(kube, "POST", SERVICES, serviceObject(i));
    await request(kube, "POST", SLICES, sliceObject(i));
  });
}

/** Services alone: slices of none are nobody's. */
export function removeServices(kube: Kube, from: number, to: number): Promise<void> {
  return inParallel(from, to, (i) => request(kube, "DELETE", `${SERVICES}/service-${i}`));
}

async function inParallel(from: number, to: number, one: (i: number) => Promise<void>): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) await one(next++);
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

/** Has the first endpoint of a service be another. */
export function moveEndpoint(kube: Kube, i: number, round: number): Promise<void> {
  return request(kube, "PUT", `${SLICES}/service-${i}-abcde`, sliceObject(i, `10.21.${round >> 8}.${round & 255}`));
}

/** A service, new or old, whose endpoints are pods' ports, a slice for each port. Gives its address. */
export async function serveFromPods(
  kube: Kube,
  i: number,
  pods: readonly string[],
  ports: readonly number[],
): Promise<string> {
  const endpoints = pods.map((address) => ({ addresses: [address] }));
  const typed = { apiVersion: "v1", kind: "Service" };
  await apply(kube, `${SERVICES}/service-${i}`, { ...typed, ...serviceObject(i) });
  await inParallel(0, ports.length, (j) => {
    const metadata = { name: `service-${i}-${ports[j]}`, labels: { "kubernetes.io/service-name": `service-${i}` } };
    const head = { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata, addressType: "IPv4" };
    const slice = { ...head, endpoints, ports: [{ name: "", port: ports[j] }] };
    return apply(kube, `${SLICES}/${metadata.name}`, slice);
  });
  return clusterIp(i);
}

function clusterIp(i: number): string {
  return `10.96.${16 + (i >> 8)}.${i & 255}`;
}

function apply(kube: Kube, path: string, object: object): Promise<void> {
  return request(kube, "PATCH", `${path}?fieldManager=rig&force=true`, object, "application/apply-patch+yaml");
}

async function request(
  kube: Kube,
  method: string,
  path: string,
  body?: unknown,
  contentType = "application/json",
): Promise<void> {
  const { status, body: answer } = await kube.request(method, path, body, { contentType });
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
}

function serviceObject(i: number): object {
  const spec = { clusterIP: clusterIp(i), selector: { app: `app-${i}` }, ports: [{ port: 80, targetPort: 8080 }] };
  return { metadata: { name: `service-${i}`, labels: { app: `app-${i}` } }, spec };
}

/** As the cluster's own controller writes them. */
function sliceObject(i: number, first?: string): object {
  const endpoints = Array.from({ length: ENDPOINTS }, (_, j) => {
    const number = i * ENDPOINTS + j;
    const address = `10.${32 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
    const uid = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
    return {
      addresses: [j === 0 && first !== undefined ? first : address],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: "Pod", namespace: "default", name: `app-${i}-7d4b9c-${j}`, uid },
      ...{ nodeName: `n${2 + (number % 100)}`, zone: "a" },
    };
  });
  const labels = {
    app: `app-${i}`,
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    "kubernetes.io/service-name": `service-${i}`,
  };
  return {
    metadata: { name: `service-${i}-abcde`, labels },
    ...{ addressType: "IPv4", endpoints, ports: [{ name: "", port: 8080, protocol: "TCP" }] },
  };
}
