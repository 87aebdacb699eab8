import type { Problem } from "../problem.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the fields of one untrusted object. What is not as it should be becomes a problem that names the field; the reader
 * goes on with what is right.
 */
export interface Reader {
  readonly problems: readonly Problem[];
  report(field: string, message: string): void;
  /** The value at a path such as "metadata.name"; undefined when any step is absent. */
  at(path: string): unknown;
  text(path: string): string | undefined;
  flag(path: string): boolean;
  number(path: string, lowest: number, highest: number): number | undefined;
  list(path: string): readonly unknown[];
  map(path: string): ReadonlyMap<string, string>;
  /** Parses the text at a path; a text that `parse` refuses is a problem that says what was `expected`. */
  parsed<T>(path: string, value: unknown, parse: (text: string) => T | undefined, expected: string): T | undefined;
}

export function createReader(source: string, objectName: string, object: unknown): Reader {
  const problems: Problem[] = [];
  const reader: Reader = {
    problems,
    report(field, message) {
      problems.push({ source, object: objectName, field, message });
    },
    at(path) {
      let value = object;
      for (const step of path.split(".")) {
        if (!isRecord(value)) return undefined;
        value = value[step];
      }
      return value ?? undefined;
    },
    text(path) {
      const value = reader.at(path);
      if (value === undefined || typeof value === "string") return value;
      reader.report(path, `is ${describe(value)}; a string is expected`);
      return undefined;
    },
    flag(path) {
      const value = reader.at(path);
      if (value === undefined || typeof value === "boolean") return value ?? false;
      reader.report(path, `is ${describe(value)}; true or false is expected`);
      return false;
    },
    number(path, lowest, highest) {
      const value = reader.at(path);
      if (value === undefined) return undefined;
      if (Number.isInteger(value) && Number(value) >= lowest && Number(value) <= highest) return Number(value);
      reader.report(path, `is ${describe(value)}; a whole number from ${lowest} to ${highest} is expected`);
      return undefined;
    },
    list(path) {
      const value = reader.at(path);
      if (value === undefined || Array.isArray(value)) return value ?? [];
      reader.report(path, `is ${describe(value)}; a list is expected`);
      return [];
    },
    map(path) {
      const value = reader.at(path);
      const entries = new Map<string, string>();
      if (value === undefined) return entries;
      if (!isRecord(value)) reader.report(path, `is ${describe(value)}; a map of strings is expected`);
      else
        for (const [key, entry] of Object.entries(value)) {
          if (typeof entry === "string") entries.set(key, entry);
          else reader.report(`${path}[${key}]`, `is ${describe(entry)}; a string is expected`);
        }
      return entries;
    },
    parsed(path, value, parse, expected) {
      const result = typeof value === "string" ? parse(value) : undefined;
      if (result === undefined) reader.report(path, `is ${describe(value)}; ${expected} is expected`);
      return result;
    },
  };
  return reader;
}

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  const text = toJson(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** YAML can mean what JSON cannot say, such as a list that holds itself. */
function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "absent";
  } catch {
    return "no JSON";
  }
}
