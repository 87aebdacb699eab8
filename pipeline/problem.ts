/**
 * Something that is wrong with an object: a value, not an exception. It is counted, shown by `weirctl get problems` and put
 * on the object as an Event; everything that is right with the object and with all others goes on.
 */
export interface Problem {
  readonly source: string;
  /** "Pod default/web", "Node n1", or the file that held it. */
  readonly object: string;
  /** Path of the field: "spec.podCIDRs[1]". */
  readonly field: string;
  /** What is wrong and what would be right. */
  readonly message: string;
}
