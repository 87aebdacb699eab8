import type * as z from "zod/mini";
import { nearest } from "./nearest.ts";
import type { ConfigProblem } from "./problem.ts";
import type { Path, PositionedYaml } from "./yaml.ts";

/** Zod's issues as problems: each with its place in the file, what stands there, and what would be right. */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  schema: z.core.$ZodType,
  yaml: PositionedYaml,
): ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step));
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownKeyProblem([...path, key], keysAt(schema, path), yaml));
    }
    const found = formatValue(valueAt(yaml.value, path));
    const place = path.length === 0 ? undefined : yaml.positionOf(path);
    return [{ path: formatPath(path), ...place, found, expected: issue.message }];
  });
}

function unknownKeyProblem(path: Path, known: readonly string[], yaml: PositionedYaml): ConfigProblem {
  const key = String(path.at(-1));
  const suggestion = nearest(key, known);
  const expected = suggestion === undefined ? `one of ${known.join(", ")}` : `${suggestion} (did you mean that?)`;
  return { path: formatPath(path), ...yaml.positionOfKey(path), found: `the unknown key ${key}`, expected };
}

/** The keys that the schema knows at `path`. */
function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  let shape = shapeOf(schema);
  for (const step of path) {
    const member = shape?.[step];
    shape = member === undefined ? undefined : shapeOf(member);
  }
  return Object.keys(shape ?? {});
}

/** An object's members, seen through optional, default and the like. */
export function shapeOf(schema: z.core.$ZodType): z.core.$ZodShape | undefined {
  const def: object = schema._zod.def;
  if ("shape" in def) return (def as z.core.$ZodObjectDef).shape;
  if ("innerType" in def) return shapeOf((def as z.core.$ZodOptionalDef).innerType);
  return undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.entries(current).find(([key]) => key === String(step))?.[1];
  }
  return current;
}

/** A path as one would write it in jq: traffic.mtu, list[2]. */
export function formatPath(path: Path): string {
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("");
}

function formatValue(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
