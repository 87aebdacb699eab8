import { HIGHEST_POLICY_PRIORITY, MOST_RULES } from "../layout/levels.ts";

/** A Kubernetes object as it stands in a manifest. */
export type Manifest = Readonly<Record<string, unknown>>;

export interface Converted {
  /** "AdminNetworkPolicy guardrails". */
  readonly from: string;
  readonly object: Manifest;
  /** What is otherwise than it was, or could not be carried over and has to be looked at. */
  readonly remarks: readonly Remark[];
}

export interface Remark {
  readonly message: string;
  /** What is written does not mean what was written, or nobody can say. */
  readonly isLoss: boolean;
}

/** policy.networking.k8s.io/v1alpha1. */
export const ADMIN_KINDS = ["AdminNetworkPolicy", "BaselineAdminNetworkPolicy"] as const;
const MOST_PARTS = 25;
const ACTIONS = new Map<unknown, string>([
  ["Allow", "Accept"],
  ["Deny", "Deny"],
  ["Pass", "Pass"],
]);
const SIDES = { ingress: "from", egress: "to" } as const;
const DIRECTIONS = ["ingress", "egress"] as const;

interface Source {
  readonly kind: (typeof ADMIN_KINDS)[number];
  readonly name: string;
  readonly metadata: Manifest;
  readonly spec: Manifest;
  readonly rules: Readonly<Record<(typeof DIRECTIONS)[number], readonly (readonly Manifest[])[]>>;
  readonly remarks: readonly Remark[];
}

/**
 * AdminNetworkPolicies and the BaselineAdminNetworkPolicy as ClusterNetworkPolicies (v1alpha2) that mean the same. A policy
 * with more rules than one may have becomes several, at priorities of their own; those behind it move as far as they must.
 */
export function convertAdminPolicies(manifests: readonly Manifest[]): readonly Converted[] {
  const sources = manifests.filter(isAdminPolicy).map(readSource);
  const names = new Set(sources.map(({ name }) => name));
  const taken = new Set<string>();
  const ofAdmin = sources
    .filter(({ kind }) => kind === "AdminNetworkPolicy")
    .sort((a, b) => priorityOf(a) - priorityOf(b));
  const ofBaseline = sources.filter(({ kind }) => kind !== "AdminNetworkPolicy");
  const converted: Converted[] = [];
  /** The first priority that no part of a policy before has, and the policies' own priority there. */
  let next = 0;
  let last = { own: -1, given: -1, parts: 1 };
  for (const source of ofAdmin) {
    const own = priorityOf(source);
    const parts = partsOf(source);
    // Two of one priority stay so, as long as each is one.
    const isBeside = own === last.own && last.parts === 1 && parts === 1;
    const given = isBeside ? last.given : Math.max(own, next);
    converted.push(...write(source, given, names, taken));
    next = Math.max(next, given + parts);
    last = { own, given, parts };
  }
  for (const source of ofBaseline)
    converted.push(...write(source, HIGHEST_POLICY_PRIORITY + 1 - partsOf(source), names, taken));
  return converted;
}

export function isAdminPolicy(manifest: Manifest): boolean {
  const { apiVersion, kind } = manifest;
  return apiVersion === "policy.networking.k8s.io/v1alpha1" && ADMIN_KINDS.some((one) => one === kind);
}

function priorityOf({ spec }: Source): number {
  const { priority } = spec;
  return typeof priority === "number" ? priority : 0;
}

function partsOf({ rules }: Source): number {
  return Math.max(1, rules.ingress.length, rules.egress.length);
}

function readSource({ kind, metadata, spec }: Manifest): Source {
  const remarks: Remark[] = [];
  const known = recordOf(spec);
  const { name } = recordOf(metadata);
  const note = (message: string, isLoss = true) => void remarks.push({ message, isLoss });
  const isAdmin = kind === "AdminNetworkPolicy";
  if (isAdmin && typeof known["priority"] !== "number") note("spec.priority is no number; 0 is written");
  for (const field of Object.keys(known))
    if (![...(isAdmin ? ["priority"] : []), "subject", ...DIRECTIONS].includes(field))
      note(`spec.${field} is unknown and is left out`);
  const rulesOf = (direction: (typeof DIRECTIONS)[number]) =>
    chunks(
      listOf(known[direction]).flatMap((rule, i) => convertRule(rule, `spec.${direction}[${i}]`, direction, note)),
      MOST_RULES,
    );
  return {
    kind: isAdmin ? "AdminNetworkPolicy" : "BaselineAdminNetworkPolicy",
    name: typeof name === "string" ? name : "",
    metadata: recordOf(metadata),
    spec: known,
    rules: { ingress: rulesOf("ingress"), egress: rulesOf("egress") },
    remarks,
  };
}

type Note = (message: string, isLoss?: boolean) => void;

/** Rules that together match what the one matched. */
function convertRule(
  value: unknown,
  field: string,
  direction: (typeof DIRECTIONS)[number],
  note: Note,
): readonly Manifest[] {
  const { name, action, ports, ...rest } = recordOf(value);
  const side = SIDES[direction];
  const { [side]: peers, ...unknown } = rest;
  const verdict = ACTIONS.get(action);
  if (verdict === undefined)
    note(`${field}.action is ${JSON.stringify(action)} and stays so; Weir denies everything by such a rule`);
  for (const other of Object.keys(unknown))
    note(`${field}.${other} is unknown and stays so; Weir takes the rule for one that nobody can read`);
  const protocols =
    ports === undefined || ports === null
      ? undefined
      : listOf(ports).map((port, i) => convertPort(port, `${field}.ports[${i}]`, note));
  const common = { ...(name !== undefined && { name }), action: verdict ?? action };
  const pieces = chunks(listOf(peers), MOST_PARTS).flatMap((some) =>
    protocols === undefined
      ? [{ [side]: some }]
      : chunks(protocols, MOST_PARTS).map((few) => ({ [side]: some, protocols: few })),
  );
  if (pieces.length > 1)
    note(`${field} is ${pieces.length} rules: one may have ${MOST_PARTS} peers and as many protocols`, false);
  return (pieces.length === 0 ? [{ [side]: peers ?? [] }] : pieces).map((piece) => ({
    ...common,
    ...piece,
    ...unknown,
  }));
}

function convertPort(value: unknown, field: string, note: Note): Manifest {
  const { portNumber, portRange, namedPort, ...unknown } = recordOf(value);
  const found = [portNumber, portRange, namedPort].filter((one) => one !== undefined && one !== null);
  if (found.length !== 1 || Object.keys(unknown).length > 0) {
    note(`${field} is no port that this API knows and stays so; Weir takes the rule for one that nobody can read`);
    return recordOf(value);
  }
  if (typeof namedPort === "string") return { destinationNamedPort: namedPort };
  const { protocol = "TCP", port, start, end } = recordOf(portNumber ?? portRange);
  const destinationPort = portNumber === undefined ? { range: { start, end } } : { number: port };
  return { [String(protocol).toLowerCase()]: { destinationPort } };
}

/** One policy for each part of the rules, the first under the policy's own name if it is free. */
function write(
  { kind, name, metadata, spec, rules, remarks }: Source,
  priority: number,
  names: ReadonlySet<string>,
  taken: Set<string>,
): readonly Converted[] {
  const { labels, annotations } = metadata;
  const from = `${kind} ${name}`;
  const tier = kind === "AdminNetworkPolicy" ? "Admin" : "Baseline";
  const count = Math.max(1, rules.ingress.length, rules.egress.length);
  return Array.from({ length: count }, (_, part) => {
    const own = part === 0 ? name : `${name}-${part + 1}`;
    const free = freeName(own, part === 0 ? taken : new Set([...taken, ...names]));
    taken.add(free);
    const changed: Remark[] = part === 0 ? [...remarks] : [];
    const note: Note = (message, isLoss = false) => void changed.push({ message, isLoss });
    if (free !== own) note(`its name is ${free}: ${own} is another's`);
    if (count > 1) note(`part ${part + 1} of ${count}: one may have ${MOST_RULES} rules a direction`);
    if (tier === "Baseline") note("its priority is free to choose: lower ones leave no room before it");
    else if (spec["priority"] !== priority + part)
      note(`its priority was ${spec["priority"]}; ${priority + part} keeps the order`);
    if (priority + part > HIGHEST_POLICY_PRIORITY)
      note(`${HIGHEST_POLICY_PRIORITY} is the highest priority; number the policies closer`, true);
    const kept = withoutKubectl(annotations);
    return {
      from,
      remarks: changed,
      object: {
        apiVersion: "policy.networking.k8s.io/v1alpha2",
        kind: "ClusterNetworkPolicy",
        metadata: {
          name: free,
          ...(labels !== undefined && { labels }),
          ...(kept !== undefined && { annotations: kept }),
        },
        spec: {
          tier,
          priority: priority + part,
          subject: spec["subject"] ?? {},
          ...(rules.ingress[part] !== undefined && { ingress: rules.ingress[part] }),
          ...(rules.egress[part] !== undefined && { egress: rules.egress[part] }),
        },
      },
    };
  });
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${name}-${i}`;
  return free;
}

/** Annotations without the copy of the old object that kubectl keeps. */
function withoutKubectl(annotations: unknown): Manifest | undefined {
  const { "kubectl.kubernetes.io/last-applied-configuration": _, ...kept } = recordOf(annotations);
  return Object.keys(kept).length === 0 ? undefined : kept;
}

function chunks<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function recordOf(value: unknown): Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
