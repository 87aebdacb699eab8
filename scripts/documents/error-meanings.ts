/** By code: what it means, and what whoever meets it should do. */
type Chapter = Readonly<Record<string, readonly [meaning: string, cure: string]>>;

const AGAIN = "Nothing: it is tried again by itself.";
const REPORT = "A mistake in the code that calls: report it with the message and its details.";

/** Every code that the sources throw, in chapters; a test finds those that are missing here. */
export const ERROR_CHAPTERS: Readonly<Record<string, Chapter>> = {
  "Starting and stopping": {
    E_CONFIG: [
      "The configuration file or the command line is not right. The message lists every fault with its line, its path, what is there and what would be right.",
      "Correct all that is listed; `docs/configuration.md` has every setting.",
    ],
    E_NO_CLUSTER: [
      "There is no way to an API server: neither a service account nor a kubeconfig file.",
      "Name one in `source.kubernetes.kubeconfig`, or a folder in `source.manifests`.",
    ],
    E_KUBECONFIG: [
      "The kubeconfig file cannot be read, or lacks the field that the message names.",
      "Correct the file; `kubectl --kubeconfig FILE get nodes` has to work.",
    ],
    E_NO_HELPER: [
      "An executable of Weir (weir-netns, weir-announce) is in none of the places named.",
      "`make bundle` builds it.",
    ],
    E_SOCKET_IN_USE: [
      "Another weir-node serves this node's control socket.",
      "Run one a node, or give the second another `control.socket`, bridge and state directory.",
    ],
    E_UNINSTALL_RUNNING: [
      "`weir-node uninstall` was called while weir-node runs, which would make everything anew.",
      "Stop it first, by deleting the DaemonSet.",
    ],
    E_UNINSTALL_DATABASE: [
      "Open vSwitch's database did not answer, so the bridge could not be removed.",
      "Start ovsdb-server and run the command again.",
    ],
    E_UNINSTALL: [
      "Something of what Weir made could not be removed; the rest is gone. The message says what and why.",
      "Mend what it says and run the command again.",
    ],
  },
  "The bridge and its ports": {
    E_BRIDGE_FOREIGN: [
      "A bridge or port has a name that Weir needs, and Weir has not made it.",
      "Give `ovs.bridge` another name, or remove it with the command in the message.",
    ],
    E_BRIDGE_NO_ROOT: ["Open vSwitch's database is empty.", "`ovs-vsctl init`; the distribution's service does it."],
    E_IPAM_EXHAUSTED: [
      "No address of the node's podCIDR is free, or it is too small for pods. The runtime tries again.",
      "Remove pods, or give the node a larger podCIDR.",
    ],
  },
  "The host beside the switch": {
    E_HOST: [
      "The host's network is not as it should be; the message tells all that could not be done. What could be is done, and the rest is tried again.",
      "Mend what the message says.",
    ],
    E_HOST_NO_GATEWAY: [
      "Open vSwitch has not made the interface weir-gw0.",
      "See `ovs-vsctl show` and whether ovs-vswitchd runs.",
    ],
    E_HOST_ROUTING: [
      "Addresses or routes stay otherwise than Weir writes them, mostly because somebody else has a route to the same network.",
      "Compare the commands in the message with `ip route`, and remove one of the two.",
    ],
    E_COMMAND: [
      "A program of the system (ip, nft, weir-netns) ended badly; its own words follow.",
      "Mend what it complains of.",
    ],
    E_SYSCTL: [
      "A kernel setting is missing or cannot be written.",
      "What the message says: mostly a kernel without IPv6, or a read-only /proc/sys.",
    ],
    E_FORMER_VALUES: [
      "The file that remembers sysctls as they were before Weir cannot be read.",
      "Mend it, or remove it: the present values then count as the former ones.",
    ],
  },
  "The API server": {
    E_NODE_STATUS: [
      "The API server refused to let the node's condition or annotation be written.",
      "The ClusterRole weir-node in `deploy/weir.yaml` has the rules that are needed.",
    ],
  },
  "CNI calls": {
    E_CNI_INCOMPATIBLE_VERSION: [
      "CNI code 1: the network configuration has a version that Weir does not speak, or a command that its version does not have.",
      "Set `cniVersion` to one of those in the message.",
    ],
    E_CNI_UNSUPPORTED_FIELD: [
      "CNI code 2: a field of the configuration has a value that is not supported.",
      "Correct the field named.",
    ],
    E_CNI_UNKNOWN_CONTAINER: [
      "CNI code 3: the container was never added, or its network namespace is gone.",
      "Nothing: the runtime gives up on it.",
    ],
    E_CNI_INVALID_ENVIRONMENT: [
      "CNI code 4: a CNI_ variable is missing or malformed.",
      "A fault of whoever called; the message names the variable.",
    ],
    E_CNI_IO: [
      "CNI code 5: what came over the socket is no call.",
      "Use the executable of the same version as the node process.",
    ],
    E_CNI_DECODE: [
      "CNI code 6: the configuration on stdin is no JSON object.",
      "Correct the file in the runtime's CNI folder.",
    ],
    E_CNI_INVALID_CONFIG: [
      "CNI code 7: a field of the configuration is not what it should be.",
      "Correct the field as the message says.",
    ],
    E_CNI_TRY_AGAIN: [
      "CNI code 11: it cannot be done at present; the hint says what is missing (a podCIDR, a free address, the switch, the database).",
      "Mend what the hint says; the runtime tries again by itself.",
    ],
    E_CNI_UNAVAILABLE: [
      "CNI code 50, of STATUS: no pod could be plugged in now; the hint says why.",
      "Mend what the hint says; the node is NotReady until then.",
    ],
    E_CNI_FAILED: [
      "CNI code 100: the pod's interface could not be made.",
      "Mend what the hint says, in the words of the program that failed.",
    ],
    E_CNI_CHECK_FAILED: [
      "CNI code 101, of CHECK: the pod's network is not as it was made.",
      "Delete the pod; it is made anew.",
    ],
  },
  "Open vSwitch's database": {
    E_OVSDB_CONNECT: ["No connection could be made.", `${AGAIN} Is ovsdb-server running, and \`ovs.database\` right?`],
    E_OVSDB_CLOSED: [
      "The connection is gone; `details.uncertain` says whether the request may have been carried out.",
      `${AGAIN} What there is is compared after the reconnect.`,
    ],
    E_OVSDB_INACTIVE: ["The server was silent for too long.", AGAIN],
    E_OVSDB_PROTOCOL: ["The other end does not speak OVSDB (RFC 7047).", "Is the address that of an ovsdb-server?"],
    E_OVSDB_VALUE: ["A value, a remote or a column name cannot be what it should be.", REPORT],
    E_OVSDB_INCONSISTENT: [
      "The server contradicts what it sent before, or its schema.",
      "Nothing: everything is read anew.",
    ],
    E_OVSDB_CONSTRAINT: ["A transaction broke a constraint of the schema.", REPORT],
    E_OVSDB_REFERENCE: ["A transaction would have left a reference to a row that is not there.", AGAIN],
    E_OVSDB_RESOURCES: ["The server has no memory or disk space left.", "Give it some."],
    E_OVSDB_IO: ["The server cannot write its file.", "See its disk and its log."],
    E_OVSDB_DUPLICATE_UUID_NAME: ["Two rows of a transaction have one name.", REPORT],
    E_OVSDB_DUPLICATE_UUID: ["A row with this uuid is there.", REPORT],
    E_OVSDB_DOMAIN: ["An arithmetic mutation is not defined for its operands.", REPORT],
    E_OVSDB_RANGE: ["An arithmetic mutation leaves the range of integers.", REPORT],
    E_OVSDB_WAIT: ["A condition that a transaction waited for did not come true: somebody else was quicker.", AGAIN],
    E_OVSDB_NOT_SUPPORTED: ["The server does not know the operation.", "Update Open vSwitch: Weir is tested with 3.1."],
    E_OVSDB_PERMISSION: [
      "The server does not allow it to this client.",
      "See its access control (RBAC, read-only remotes).",
    ],
    E_OVSDB_NOT_OWNER: ["An operation needs a lock that another client holds.", AGAIN],
    E_OVSDB_ABORTED: ["The transaction was aborted by an operation of its own.", REPORT],
    E_OVSDB_CANCELED: ["The request was cancelled before it was answered.", AGAIN],
    E_OVSDB_SYNTAX: [
      "The server found an operation malformed, or a table or column that its schema lacks.",
      "Is its schema that of Open vSwitch, and not too old? Else report it.",
    ],
    E_OVSDB_UNKNOWN_DATABASE: [
      "The server has no database of this name.",
      "Is the address that of Open vSwitch's own database?",
    ],
    E_OVSDB_UNKNOWN_MONITOR: ["The server knows no such monitor.", "Nothing: everything is read anew."],
    E_OVSDB_UNKNOWN_METHOD: [
      "The server does not know the method.",
      "Nothing where an older method serves; else update Open vSwitch.",
    ],
    E_OVSDB_NOT_LEADER: [
      "This member of a cluster is not its leader.",
      "Name the leader in `ovs.database`; a node's own database is no cluster.",
    ],
    E_OVSDB_CLUSTER: ["The database's cluster could not do it.", AGAIN],
    E_OVSDB_STALE: [
      "This member of a cluster is behind what was seen of the cluster already.",
      "Nothing: another member is asked, or this one is waited for.",
    ],
    E_OVSDB_SERVER: [
      "Any other refusal; `details.error` has the server's word.",
      "Look the word up in ovsdb-server(7).",
    ],
  },
  OpenFlow: {
    E_OF_CONNECTION: [
      "There is no connection to the switch, or it broke; the message says which and why.",
      `${AGAIN} Forwarding goes on with what the switch holds. Is ovs-vswitchd running, and \`ovs.runDirectory\` right?`,
    ],
    E_OF_REFUSED: [
      "The switch refused a message. Where it was a flow, the flow and its owners are in the log, `weirctl flows` marks it FAILED, and all others are in.",
      "Look the error's name up in the OpenFlow specification; report it with the flow.",
    ],
    E_OF_DECODE: [
      "Bytes are no OpenFlow: the message says where, what was expected and what is there.",
      "Is the socket that of a switch? Else report it with the bytes.",
    ],
    E_OF_ENCODE: ["A value does not fit into its field.", REPORT],
    E_OF_FLOW_SYNTAX: ["Text is no flow as ovs-ofctl writes it: the message names line and word.", "Correct the word."],
  },
  "The node's sockets and weirctl": {
    E_REQUEST: [
      "A request to the node process names something that is not there or takes other parameters.",
      "The message lists what there is.",
    ],
    E_INTERNAL: ["The node process failed over a request.", "Report it with the node's log."],
    E_CLI_1: [
      "Exit code 1: something is wrong with what was asked about, or it is not there.",
      "What the message says.",
    ],
    E_CLI_2: [
      "Exit code 2: the command line, or a file that it names, is wrong.",
      "The message names the word, or the file and its line; `--help` after the command.",
    ],
    E_CLI_3: [
      "Exit code 3: no node process answers on the socket.",
      "Is weir-node running? `--socket` names another one.",
    ],
    E_PIPE_CLOSED: ["Whoever read weirctl's output has gone, as `head` does.", "Nothing: weirctl ends quietly."],
  },
};
