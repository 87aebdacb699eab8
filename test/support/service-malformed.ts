/** Services and EndpointSlices that no API server would let in, and some that it would: each has one thing wrong in it. */

type Random = () => number;

const GARBAGE: readonly unknown[] = [
  ...[
    null,
    7,
    "x",
    true,
    [],
    {},
    [[]],
    [null],
    { a: 1 },
    -1,
    1.5,
    "",
    "0",
    [{}],
    65_536,
    "10.0.0.0/33",
    "::ffff:1.2.3.4",
  ],
  ...["127.0.0.1", "169.254.119.101", "224.0.0.1", "255.255.255.255", "fd77:6569:7200::1", "None"],
];

interface Broken {
  readonly spec?: object;
  readonly status?: object;
  readonly metadata?: object;
  readonly slice?: object;
}

const PORT = { name: "p", port: 80 };
const SLICE_PORT = { name: "p", port: 8080 };

/** Each of these puts the garbage in one place of a sound service, or of a sound slice. */
const PLACES: Readonly<Record<string, (garbage: unknown) => Broken>> = {
  spec: (garbage) => ({ spec: garbage as object }),
  type: (type) => ({ spec: { type } }),
  clusterIP: (clusterIP) => ({ spec: { clusterIPs: undefined, clusterIP } }),
  clusterIPs: (clusterIPs) => ({ spec: { clusterIPs } }),
  "clusterIPs[1]": (garbage) => ({ spec: { clusterIPs: ["10.97.255.1", garbage] } }),
  externalIPs: (externalIPs) => ({ spec: { externalIPs } }),
  "externalIPs[0]": (garbage) => ({ spec: { externalIPs: [garbage] } }),
  ports: (ports) => ({ spec: { ports } }),
  "ports[0]": (garbage) => ({ spec: { ports: [garbage, PORT] } }),
  "ports[].port": (port) => ({ spec: { ports: [{ name: "p", port }] } }),
  "ports[].name": (name) => ({ spec: { ports: [{ name, port: 80 }] } }),
  "ports[].protocol": (protocol) => ({ spec: { ports: [{ ...PORT, protocol }] } }),
  "ports[].nodePort": (nodePort) => ({ spec: { type: "NodePort", ports: [{ ...PORT, nodePort }] } }),
  sessionAffinity: (sessionAffinity) => ({ spec: { sessionAffinity } }),
  affinityTimeout: (timeoutSeconds) => ({
    spec: { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds } } },
  }),
  affinityConfig: (garbage) => ({ spec: { sessionAffinity: "ClientIP", sessionAffinityConfig: garbage } }),
  internalTrafficPolicy: (internalTrafficPolicy) => ({ spec: { internalTrafficPolicy } }),
  externalTrafficPolicy: (externalTrafficPolicy) => ({ spec: { type: "NodePort", externalTrafficPolicy } }),
  sourceRanges: (loadBalancerSourceRanges) => ({ spec: { type: "LoadBalancer", loadBalancerSourceRanges } }),
  "sourceRanges[0]": (garbage) => ({ spec: { type: "LoadBalancer", loadBalancerSourceRanges: [garbage] } }),
  healthCheckNodePort: (healthCheckNodePort) => ({ spec: { type: "LoadBalancer", healthCheckNodePort } }),
  status: (garbage) => ({ spec: { type: "LoadBalancer" }, status: garbage as object }),
  ingress: (ingress) => ({ spec: { type: "LoadBalancer" }, status: { loadBalancer: { ingress } } }),
  "ingress[0]": (garbage) => ({ spec: { type: "LoadBalancer" }, status: { loadBalancer: { ingress: [garbage] } } }),
  "ingress[].ip": (ip) => ({ spec: { type: "LoadBalancer" }, status: { loadBalancer: { ingress: [{ ip }] } } }),
  labels: (labels) => ({ metadata: { labels } }),
  addressType: (addressType) => ({ slice: { addressType } }),
  slicePorts: (ports) => ({ slice: { ports } }),
  "slicePorts[0]": (garbage) => ({ slice: { ports: [garbage, SLICE_PORT] } }),
  "slicePorts[].port": (port) => ({ slice: { ports: [{ name: "p", port }] } }),
  "slicePorts[].protocol": (protocol) => ({ slice: { ports: [{ ...SLICE_PORT, protocol }] } }),
  endpoints: (endpoints) => ({ slice: { endpoints } }),
  "endpoints[0]": (garbage) => ({ slice: { endpoints: [garbage] } }),
  addresses: (addresses) => ({ slice: { endpoints: [{ addresses }] } }),
  "addresses[0]": (garbage) => ({ slice: { endpoints: [{ addresses: [garbage] }] } }),
  conditions: (conditions) => ({ slice: { endpoints: [{ addresses: ["10.10.1.250"], conditions }] } }),
  ready: (ready) => ({ slice: { endpoints: [{ addresses: ["10.10.1.250"], conditions: { ready } }] } }),
  nodeName: (nodeName) => ({ slice: { endpoints: [{ addresses: ["10.10.1.250"], nodeName }] } }),
  hints: (hints) => ({ slice: { endpoints: [{ addresses: ["10.10.1.250"], hints }] } }),
  forZones: (forZones) => ({ slice: { endpoints: [{ addresses: ["10.10.1.250"], hints: { forZones } }] } }),
  sliceLabels: (labels) => ({ slice: { metadata: { labels } } }),
};

/** A service and its slice each, with an address of 10.97.0.0/16 where it is not that which is wrong. */
export function malformedServices(count: number, random: Random): readonly object[] {
  const places = Object.entries(PLACES);
  return Array.from({ length: count }, (_, i) => {
    const garbage = GARBAGE[Math.floor(random() * GARBAGE.length)];
    const [, place] = places[i % places.length]!;
    return pairOf(`broken-${i}`, `10.97.${i >> 8}.${i & 255}`, place(garbage));
  }).flat();
}

function pairOf(
  name: string,
  clusterIp: string,
  { spec = {}, status, metadata, slice = {} }: Broken,
): readonly object[] {
  const isObject = typeof spec === "object" && spec !== null && !Array.isArray(spec);
  const sound = { clusterIPs: [clusterIp], ports: [PORT] };
  const labels = { "kubernetes.io/service-name": name };
  return [
    {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default", ...metadata } },
      spec: isObject ? { ...sound, ...spec } : spec,
      ...(status !== undefined && { status }),
    },
    {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4", ports: [SLICE_PORT] },
      endpoints: [{ addresses: ["10.10.1.250"] }],
      ...slice,
      metadata: {
        name: `${name}-4`,
        namespace: "default",
        labels,
        ...("metadata" in slice ? Object(slice.metadata) : {}),
      },
    },
  ];
}
