/** Who a flow is for: a Kubernetes object and the part of it that asked. */
export interface Owner {
  /** "Pod", "Node", or "Weir" for what every node has. */
  readonly kind: string;
  /** "namespace/name" or "name". */
  readonly name: string;
  /** "interface weir0a1b2c3d4e5", "podCIDR 10.0.1.0/24". */
  readonly part?: string;
}

export function formatOwner(owner: Owner): string {
  const subject = `${owner.kind.toLowerCase()} ${owner.name}`;
  return owner.part === undefined ? subject : `${subject}, ${owner.part}`;
}
