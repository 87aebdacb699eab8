import { styleText } from "node:util";
import { type Judged, median, type Sample, type Target } from "./bench.ts";

const HEAD = ["", "Weir", "anchor", "ratio", "target", ""];

/** The rows as a table for a person. */
export function formatTable(rows: readonly Judged[], colour: boolean): string {
  const paint = (style: "green" | "red" | "dim" | "bold", text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const cells = rows.map((row) => [
    row.what,
    `${formatSample(row.weir)} ${row.unit}`,
    row.anchor === undefined ? "-" : `${formatSample(row.anchor)} ${row.unit}  ${row.anchor.of}`,
    row.ratio === undefined ? "-" : formatNumber(row.ratio),
    formatTarget(row.target, row.unit),
    row.met === undefined ? "" : row.met ? "ok" : "MISSED",
  ]);
  const widths = HEAD.map((head, column) => Math.max(head.length, ...cells.map((cell) => cell[column]!.length)));
  const line = (cell: readonly string[]) => cell.map((text, column) => text.padEnd(widths[column]!)).join("  ");
  const body = cells.map((cell, index) => {
    const met = rows[index]!.met;
    return met === undefined
      ? line(cell)
      : line(cell).replace(/(ok|MISSED)\s*$/, (mark) => paint(met ? "green" : "red", mark));
  });
  return [paint("bold", line(HEAD)), ...body].map((text) => text.trimEnd()).join("\n");
}

/** The median, and the spread from the least to the greatest. */
function formatSample({ values }: Sample): string {
  if (values.length < 2) return formatNumber(median(values));
  return `${formatNumber(median(values))} (${formatNumber(Math.min(...values))}-${formatNumber(Math.max(...values))})`;
}

function formatNumber(value: number): string {
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  if (Math.abs(value) >= 1e4) return `${(value / 1e3).toFixed(0)}k`;
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Number(value.toFixed(Math.abs(value) >= 10 ? 1 : 2)).toString();
}

function formatTarget(target: Target | undefined, unit: string): string {
  if (target === undefined) return "";
  const tail = target.of === "ratio" ? "x" : ` ${unit}`;
  return [
    target.atMost === undefined ? "" : `<= ${formatNumber(target.atMost)}${tail}`,
    target.atLeast === undefined ? "" : `>= ${formatNumber(target.atLeast)}${tail}`,
  ]
    .filter(Boolean)
    .join(", ");
}
