import * as z from "zod/mini";
import {
  absolutePath,
  described,
  hostAndPort,
  interfaceName,
  matching,
  networks,
  oneOf,
  section,
  socketPath,
  wholeNumber,
} from "#controller/process/config/fields.ts";

const source = z
  .strictObject(
    {
      kubernetes: z.exactOptional(
        described(
          z.strictObject(
            {
              kubeconfig: z.exactOptional(
                described(
                  absolutePath(),
                  "A kubeconfig file. Absent: the pod's own service account, or else $KUBECONFIG or ~/.kube/config.",
                  "/etc/weir/kubeconfig",
                ),
              ),
            },
            { error: "a section: keys and values, indented" },
          ),
          "Objects come from a Kubernetes API server. `{}` is enough inside a cluster. The default.",
        ),
      ),
      manifests: z.exactOptional(
        described(
          absolutePath(),
          "Objects come from a folder of Kubernetes manifests, which is watched; no cluster is needed.",
          "/etc/weir/manifests",
        ),
      ),
    },
    { error: "kubernetes: {} or manifests: FOLDER" },
  )
  .check(
    z.refine((value) => (value.kubernetes === undefined) !== (value.manifests === undefined), {
      error: "exactly one of kubernetes: {} and manifests: FOLDER",
    }),
  );

export const nodeNameSchema = matching(
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  "a node's name as Kubernetes spells it: lower case letters, digits, '-' and '.'",
);

export const schema = z
  .strictObject(
    {
      nodeName: z.exactOptional(
        described(
          nodeNameSchema,
          "The name of this node's Node object. Absent: $NODE_NAME, or else the host's name.",
          "worker-1",
        ),
      ),
      source: described(
        z.prefault(source, { kubernetes: {} }),
        "Where intent comes from: one of `kubernetes` and `manifests`.",
      ),
      ovs: section({
        database: described(
          z._default(
            matching(/^(unix:\/.+|(tcp|ssl):.+:\d{1,5})$/, "unix:/PATH, tcp:HOST:PORT or ssl:HOST:PORT"),
            "unix:/var/run/openvswitch/db.sock",
          ),
          "The Open vSwitch database.",
        ),
        runDirectory: described(
          z._default(absolutePath(), "/var/run/openvswitch"),
          "Open vSwitch's run directory: the bridge's management socket is there.",
        ),
        controlSocket: z.exactOptional(
          described(
            socketPath(),
            "The control socket of ovs-vswitchd, by which its connections are read. Absent: `ovs-vswitchd.ctl` in the run directory, or the one there with the number of the process in its name.",
            "/var/run/openvswitch/ovs-vswitchd.ctl",
          ),
        ),
        bridge: described(
          z._default(interfaceName(), "br-weir"),
          "The bridge, made and owned by Weir. Other bridges are left alone.",
        ),
        datapath: described(
          z._default(oneOf("system", "netdev"), "system"),
          "`system` is the kernel's datapath, `netdev` the one in user space.",
        ),
      }),
      traffic: section({
        encapsulation: described(
          z._default(oneOf("always", "never", "hybrid"), "always"),
          "How pods of different nodes reach each other: `always` through a tunnel, `never` (routed by the nodes), or `hybrid`: routed between nodes of one subnet, through a tunnel otherwise.",
        ),
        tunnel: described(z._default(oneOf("geneve", "vxlan"), "geneve"), "The tunnel's protocol; equal on all nodes."),
        transportInterface: z.exactOptional(
          described(
            interfaceName(),
            "The interface that carries traffic between nodes. Absent: the one that holds the node's InternalIP.",
            "eth0",
          ),
        ),
        mtu: z.exactOptional(
          described(
            wholeNumber(1280, 65000),
            "The MTU of the pods' interfaces. Absent: the transport interface's MTU, less the tunnel's overhead.",
            "1450",
          ),
        ),
        masquerade: described(
          z._default(z.boolean({ error: "true or false" }), true),
          "Whether pods leave the cluster with their node's address.",
        ),
      }),
      cni: section({
        socket: described(
          z._default(socketPath(), "/var/run/weir/cni.sock"),
          "Where the CNI executable reaches the node process.",
        ),
        configDirectory: described(
          z._default(absolutePath(), "/etc/cni/net.d"),
          "Where the CNI configuration is written, last of all, when the node is ready for pods.",
        ),
        configName: described(
          z._default(
            matching(/^[^/\s]+\.conflist$/, "a file name ending in .conflist, such as 10-weir.conflist"),
            "10-weir.conflist",
          ),
          "Its file name; runtimes take the first one in the folder's order.",
        ),
      }),
      services: section({
        nodePortAddresses: described(
          z._default(networks(), []),
          "The networks of those of this node's addresses that have NodePorts. None: every address, but those of loopback and weir-gw0.",
          "[10.0.0.0/8, fd00::/8]",
        ),
      }),
      control: section({
        socket: described(
          z._default(socketPath(), "/var/run/weir/control.sock"),
          "Where weirctl reaches the node process.",
        ),
      }),
      http: section({
        address: described(
          z._default(hostAndPort(), "127.0.0.1:10350"),
          "Where /livez, /readyz and /metrics are served; `:10350` is every address.",
        ),
      }),
      policies: section({
        establishedConnections: described(
          z._default(oneOf("cut", "keep"), "cut"),
          "What becomes of a connection that was allowed when it began, when a policy comes to deny it: it is `cut`, or with `keep` goes on for as long as conntrack knows it. New ones are denied either way.",
        ),
      }),
      denials: section({
        samplesPerSecond: described(
          z._default(wholeNumber(1, 10000), 100),
          "Of so many packets a second that policies deny the node process is told, with names: in its log, in `weirctl get denials`, in Events. The others are counted.",
        ),
      }),
      names: section({
        minimumTtl: described(
          z._default(wholeNumber(1, 604800), 5),
          "An address that a pod is told of a name by which policies allow traffic (`domainNames`) counts for the time that its DNS record gives, and for so many seconds at least. More is for applications that keep addresses longer than they may.",
        ),
        idleConnections: described(
          z._default(wholeNumber(1, 604800), 9000),
          "Connections to an address outlive its time. It is forgotten when they have sent nothing to it for so many seconds; the default is above the two hours after which Linux sees whether a silent peer lives.",
        ),
      }),
      stateDirectory: described(
        z._default(absolutePath(), "/var/lib/weir"),
        "Where the last intent seen, and what pods were told of names, is kept for a restart.",
      ),
      compareInterval: described(
        z._default(wholeNumber(1, 86400), 60),
        "How often, in seconds, the switch and the host are read back and repaired although nothing has happened.",
      ),
      log: section({
        level: described(
          z._default(oneOf("error", "warn", "info", "debug"), "info"),
          "What is logged, and all above it.",
        ),
      }),
    },
    { error: "keys and values" },
  )
  .check(
    z.refine((config) => config?.cni?.socket === undefined || config.cni.socket !== config.control?.socket, {
      path: ["control", "socket"],
      error: "another path than cni.socket",
      // Also when something else is wrong: all errors come at once.
      when: () => true,
    }),
  );

export type ParsedConfig = z.output<typeof schema>;
