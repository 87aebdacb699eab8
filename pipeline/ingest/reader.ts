import type { Problem } from "../problem.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the fields of one untrusted object. What is not as it should be becomes a problem that names the field; the reader
 * goes on with what is right.
 */
export interface Reader {
  readonly problems: readonly Problem[];
  report(field: string, message: string): void;
  /** Reports that what stands in a field is not what is `expected` there. */
  refuse(field: string, value: unknown, expected: string): void;
  /** The value at a path such as "metadata.name"; undefined when any step is absent. */
  at(path: string): unknown;
  text(path: string): string | undefined;
  flag(path: string): boolean;
  number(path: string, lowest: number, highest: number): number | undefined;
  list(path: string): readonly unknown[];
  map(path: string): ReadonlyMap<string, string>;
  /** Parses the text at a path; a text that `parse` refuses is a problem that says what was `expected`. */
  parsed<T>(path: string, value: unknown, parse: (text: string) => T | undefined, expected: string): T | undefined;
  /**
   * The reader of a part of the object, whose paths begin there. Its problems name the field within the whole object and are
   * this reader's as well: a part without any can be relied on.
   */
  inside(path: string, value: unknown): Reader;
  /** Reports every other field: whoever wrote it meant something that would not happen. */
  only(...fields: readonly string[]): void;
}

export function createReader(source: string, objectName: string, object: unknown): Reader {
  return readerOf(object, { source, object: objectName, path: "", problems: [[]] });
}

/** Where in an object a reader stands. Problems go to the list of that part and to those of the parts around it. */
interface Place {
  readonly source: string;
  readonly object: string;
  readonly path: string;
  readonly problems: readonly [Problem[], ...Problem[][]];
}

function readerOf(object: unknown, place: Place): Reader {
  const reader: Reader = {
    ...reportAt(place),
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
      reader.refuse(path, value, "a string");
      return undefined;
    },
    flag(path) {
      const value = reader.at(path);
      if (value === undefined || typeof value === "boolean") return value ?? false;
      reader.refuse(path, value, "true or false");
      return false;
    },
    number(path, lowest, highest) {
      const value = reader.at(path);
      if (value === undefined) return undefined;
      if (Number.isInteger(value) && Number(value) >= lowest && Number(value) <= highest) return Number(value);
      reader.refuse(path, value, `a whole number from ${lowest} to ${highest}`);
      return undefined;
    },
    list(path) {
      const value = reader.at(path);
      if (value === undefined || Array.isArray(value)) return value ?? [];
      reader.refuse(path, value, "a list");
      return [];
    },
    map(path) {
      const value = reader.at(path);
      const entries = new Map<string, string>();
      if (value === undefined) return entries;
      if (!isRecord(value)) reader.refuse(path, value, "a map of strings");
      else
        for (const [key, entry] of Object.entries(value)) {
          if (typeof entry === "string") entries.set(key, entry);
          else reader.refuse(`${path}[${key}]`, entry, "a string");
        }
      return entries;
    },
    parsed(path, value, parse, expected) {
      const result = typeof value === "string" ? parse(value) : undefined;
      if (result === undefined) reader.refuse(path, value, expected);
      return result;
    },
    inside: (path, value) => partOf(place, path, value),
    only(...fields) {
      for (const key of Object.keys(isRecord(object) ? object : {}))
        if (!fields.includes(key)) reader.report(key, `is unknown; nothing but ${fields.join(", ")} is expected`);
    },
  };
  return reader;
}

function reportAt(place: Place): Pick<Reader, "problems" | "report" | "refuse"> {
  const { source, object, problems } = place;
  const report = (field: string, message: string) => {
    for (const list of problems) list.push({ source, object, field: joinPath(place.path, field), message });
  };
  return {
    problems: problems[0],
    report,
    refuse: (field, value, expected) => report(field, `is ${describe(value)}; ${expected} is expected`),
  };
}

function partOf(place: Place, path: string, value: unknown): Reader {
  const part: Place = { ...place, path: joinPath(place.path, path), problems: [[], ...place.problems] };
  if (!isRecord(value)) reportAt(part).refuse("", value, "an object");
  return readerOf(value, part);
}

function joinPath(path: string, field: string): string {
  return path === "" || field === "" ? `${path}${field}` : `${path}.${field}`;
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
