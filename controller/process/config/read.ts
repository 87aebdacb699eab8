import { readFile } from "node:fs/promises";
import type * as z from "zod/mini";
import { describeError } from "#base/errors.ts";
import { problemsOf } from "./issues.ts";
import { ConfigError, type ConfigProblem } from "./problem.ts";
import { readYaml } from "./yaml.ts";

/** A configuration's text and its name in messages; without a file it is empty, and every setting has its default. */
export async function readConfigFile(
  file: string | undefined,
): Promise<{ readonly text: string; readonly origin: string }> {
  if (file === undefined) return { text: "", origin: "defaults" };
  try {
    return { text: await readFile(file, "utf8"), origin: file };
  } catch (error) {
    throw new ConfigError(file, [{ path: "", found: describeError(error), expected: "a readable file of YAML" }]);
  }
}

/** Checks a configuration's text; `others` finds what else is wrong, so that all is told at once. Throws ConfigError. */
export function checkConfig<S extends z.ZodMiniType>(
  schema: S,
  text: string,
  origin: string,
  others: (given: unknown) => readonly ConfigProblem[] = () => [],
): z.output<S> {
  const yaml = readYaml(text);
  if (yaml.problems.length > 0) throw new ConfigError(origin, yaml.problems);
  const given = yaml.value ?? {};
  const parsed = schema.safeParse(given);
  const problems = [...(parsed.success ? [] : problemsOf(parsed.error.issues, schema, yaml)), ...others(given)];
  if (!parsed.success || problems.length > 0) throw new ConfigError(origin, problems);
  return parsed.data;
}
