import type { Document, Node, Pair } from "yaml";
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { ConfigProblem } from "./problem.ts";

export type Path = readonly (string | number)[];
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A parsed file that still knows where everything stood. */
export interface PositionedYaml {
  /** Plain data; a key without a value ("traffic:" and nothing below) counts as absent. Undefined for an empty file. */
  readonly value: unknown;
  /** Syntax errors; `value` means nothing if there are any. */
  readonly problems: readonly ConfigProblem[];
  /** Where the value at `path` stands, or its nearest enclosing value. */
  positionOf(path: Path): Position | undefined;
  /** Where the key `path` itself stands. */
  positionOfKey(path: Path): Position | undefined;
}

export function readYaml(text: string): PositionedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = [...document.errors, ...document.warnings].map((error): ConfigProblem => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { path: "", line, column: col, found: `text that is not YAML (${error.message})`, expected: "YAML" };
  });
  const at = (offset: number | undefined): Position | undefined => {
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  return {
    value: problems.length > 0 ? undefined : withoutNulls(document.toJS()),
    problems,
    positionOf: (path) => at(nodeAt(document, path)?.range?.[0]),
    positionOfKey: (path) => at(keyAt(document, path)?.range?.[0]),
  };
}

function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutNulls(member)]));
}

function nodeAt(document: Document, path: Path): Node | undefined {
  let node: Node | undefined = document.contents ?? undefined;
  for (const step of path) {
    const child: unknown = isMap(node)
      ? findPair(node.items, step)?.value
      : isSeq(node)
        ? node.items[Number(step)]
        : null;
    if (!isNode(child)) break;
    node = child;
  }
  return node;
}

function keyAt(document: Document, path: Path): Node | undefined {
  const parent = nodeAt(document, path.slice(0, -1));
  const key = isMap(parent) ? findPair(parent.items, path.at(-1) ?? "")?.key : undefined;
  return isNode(key) ? key : undefined;
}

function findPair(pairs: readonly Pair[], key: string | number): Pair | undefined {
  return pairs.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}
