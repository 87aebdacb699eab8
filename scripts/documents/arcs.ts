/**
 * Lines of text with arcs beside them, each from a line down to a later one in a column of its own:
 *
 *     a  ┬ ┬
 *     b  ▼ │
 *     c    ▼
 */
export function drawArcs(
  labels: readonly string[],
  arcs: readonly (readonly [from: number, to: number])[],
): readonly string[] {
  const ordered = arcs.toSorted(([a, b], [c, d]) => a - c || b - d);
  return labels.map((label, row) => {
    const marks = ordered.map(([from, to]) => {
      if (row === from) return "┬";
      if (row === to) return "▼";
      return from < row && row < to ? "│" : " ";
    });
    return `${label}  ${marks.join(" ")}`.trimEnd();
  });
}
