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
  return new PartReader(object, { source, object: objectName, path: "", problems: [[]] });
}

/** Where in an object a reader stands. Problems go to the list of that part and to those of the parts around it. */
interface Place {
  readonly source: string;
  readonly object: string;
  readonly path: string;
  readonly problems: readonly [Problem[], ...Problem[][]];
}

/** A class, for each of a hundred thousand endpoints has one: closures would cost each of them more than all that is read. */
class PartReader implements Reader {
  readonly #object: unknown;
  readonly #place: Place;

  constructor(object: unknown, place: Place) {
    this.#object = object;
    this.#place = place;
  }

  get problems(): readonly Problem[] {
    return this.#place.problems[0];
  }

  report(field: string, message: string): void {
    const { source, object, path, problems } = this.#place;
    for (const list of problems) list.push({ source, object, field: joinPath(path, field), message });
  }

  refuse(field: string, value: unknown, expected: string): void {
    this.report(field, `is ${describe(value)}; ${expected} is expected`);
  }

  at(path: string): unknown {
    let value = this.#object;
    for (const step of stepsOf(path)) {
      if (!isRecord(value)) return undefined;
      value = value[step];
    }
    return value ?? undefined;
  }

  text(path: string): string | undefined {
    const value = this.at(path);
    if (value === undefined || typeof value === "string") return value;
    this.refuse(path, value, "a string");
    return undefined;
  }

  flag(path: string): boolean {
    const value = this.at(path);
    if (value === undefined || typeof value === "boolean") return value ?? false;
    this.refuse(path, value, "true or false");
    return false;
  }

  number(path: string, lowest: number, highest: number): number | undefined {
    const value = this.at(path);
    if (value === undefined) return undefined;
    if (Number.isInteger(value) && Number(value) >= lowest && Number(value) <= highest) return Number(value);
    this.refuse(path, value, `a whole number from ${lowest} to ${highest}`);
    return undefined;
  }

  list(path: string): readonly unknown[] {
    const value = this.at(path);
    if (value === undefined) return NOTHING;
    if (Array.isArray(value)) return value;
    this.refuse(path, value, "a list");
    return NOTHING;
  }

  map(path: string): ReadonlyMap<string, string> {
    const value = this.at(path);
    const entries = new Map<string, string>();
    if (value === undefined) return entries;
    if (!isRecord(value)) this.refuse(path, value, "a map of strings");
    else
      for (const [key, entry] of Object.entries(value)) {
        if (typeof entry === "string") entries.set(key, entry);
        else this.refuse(`${path}[${key}]`, entry, "a string");
      }
    return entries;
  }

  parsed<T>(path: string, value: unknown, parse: (text: string) => T | undefined, expected: string): T | undefined {
    const result = typeof value === "string" ? parse(value) : undefined;
    if (result === undefined) this.refuse(path, value, expected);
    return result;
  }

  inside(path: string, value: unknown): Reader {
    const { source, object, problems } = this.#place;
    const place: Place = { source, object, path: joinPath(this.#place.path, path), problems: [[], ...problems] };
    const part = new PartReader(value, place);
    if (!isRecord(value)) part.refuse("", value, "an object");
    return part;
  }

  only(...fields: readonly string[]): void {
    for (const key of Object.keys(isRecord(this.#object) ? this.#object : {}))
      if (!fields.includes(key)) this.report(key, `is unknown; nothing but ${fields.join(", ")} is expected`);
  }
}

const NOTHING: readonly unknown[] = [];

/** One path is a single step more often than not. */
function stepsOf(path: string): readonly string[] {
  return path.includes(".") ? path.split(".") : [path];
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
