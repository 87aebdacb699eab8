/** Which pods have ports on this node, and which of them each subject of a policy selects. */
export interface LocalPods {
  portsOf(podKey: string): ReadonlySet<string>;
  /** Names of the ports of a namespace's pods. */
  portsIn(namespace: string): Iterable<string>;
  /** Of a selection that is followed: its pods on this node. */
  membersOf(selectionKey: string): ReadonlySet<string>;
  isFollowed(selectionKey: string): boolean;
  /** Keeps the members of a selection, of whom it is told here and by `enter` and `leave`. */
  follow(selectionKey: string, members: ReadonlySet<string>): void;
  forget(selectionKey: string): void;
  addPort(podKey: string, port: string): void;
  removePort(podKey: string, port: string): void;
  /** Returns whether that was news. A pod without a port here is none of ours. */
  enter(selectionKey: string, podKey: string): boolean;
  leave(selectionKey: string, podKey: string): boolean;
}

const NOBODY: ReadonlySet<string> = new Set();

export function createLocalPods(): LocalPods {
  const ports = new Map<string, Set<string>>();
  const members = new Map<string, Set<string>>();
  return {
    portsOf: (podKey) => ports.get(podKey) ?? NOBODY,
    *portsIn(namespace) {
      for (const [podKey, own] of ports) if (podKey.startsWith(`${namespace}/`)) yield* own;
    },
    membersOf: (selectionKey) => members.get(selectionKey) ?? NOBODY,
    isFollowed: (selectionKey) => members.has(selectionKey),
    follow(selectionKey, selected) {
      const [few, many] = selected.size < ports.size ? [selected, ports] : [ports, selected];
      members.set(selectionKey, new Set([...few.keys()].filter((podKey) => many.has(podKey))));
    },
    forget: (selectionKey) => void members.delete(selectionKey),
    addPort(podKey, port) {
      const own = ports.get(podKey) ?? new Set();
      ports.set(podKey, own.add(port));
    },
    removePort(podKey, port) {
      const own = ports.get(podKey);
      own?.delete(port);
      if (own?.size === 0) ports.delete(podKey);
    },
    enter(selectionKey, podKey) {
      const selected = members.get(selectionKey);
      if (selected === undefined || !ports.has(podKey) || selected.has(podKey)) return false;
      selected.add(podKey);
      return true;
    },
    leave: (selectionKey, podKey) => members.get(selectionKey)?.delete(podKey) ?? false,
  };
}
