/** Makes a copy of an object which holds only what is read; undefined stays undefined. */
export type Prune = (object: unknown) => unknown;

type Tree = Map<string, Tree>;

/**
 * Keeps the fields named, spelled as problems spell them: "metadata.labels", or with brackets where a key holds dots:
 * "metadata.annotations[example.com/name]". A field's value is kept whole. Of a list, "[]" keeps all members and "[type=Ready]"
 * those whose field says so: "spec.containers[].ports", "status.conditions[type=Ready].status". An asterisk at a key's end stands for
 * any: "metadata.annotations[example.com/*]".
 *
 *     createPrune("metadata.name", "spec.nodeName")(pod)   // { metadata: { name }, spec: { nodeName } }
 */
export function createPrune(...paths: readonly string[]): Prune {
  const root: Tree = new Map();
  for (const path of paths) {
    let tree = root;
    for (const step of stepsOf(path)) {
      const next: Tree = tree.get(step) ?? new Map();
      tree.set(step, next);
      tree = next;
    }
  }
  return (object) => keep(object, root);
}

function stepsOf(path: string): readonly string[] {
  return [...path.matchAll(/\[([^\]]+)\]|[^.[\]]+/g)].map((part) => part[1] ?? part[0]);
}

function keep(value: unknown, tree: Tree): unknown {
  if (tree.size === 0 || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return keepMembers(value, tree);
  const kept: Record<string, unknown> = {};
  for (const [step, below] of tree)
    for (const key of step.endsWith("*") ? keysBehind(step.slice(0, -1), value) : [step]) {
      const member: unknown = Reflect.get(value, key);
      if (Object.hasOwn(value, key) && member !== null) kept[key] = keep(member, below);
    }
  return kept;
}

function keysBehind(prefix: string, value: object): readonly string[] {
  return Object.keys(value).filter((key) => key.startsWith(prefix));
}

function keepMembers(list: readonly unknown[], tree: Tree): readonly unknown[] {
  const selectors = [...tree].filter(([step]) => step.includes("="));
  if (selectors.length === 0) return list.map((member: unknown) => keep(member, tree));
  return list.flatMap((member: unknown) => {
    const below = selectors.find(([step]) => selects(step, member))?.[1];
    return below === undefined ? [] : [keep(member, below)];
  });
}

function selects(step: string, member: unknown): boolean {
  const at = step.indexOf("=");
  return Reflect.get(Object(member), step.slice(0, at)) === step.slice(at + 1);
}
