import { readFile } from "node:fs/promises";
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";
import { describeError } from "#base/errors.ts";
import { type Expectation, type Fault, readExpectation } from "#pipeline/explain/expectations.ts";

/** An expectation and where it stands. */
export interface Located {
  readonly file: string;
  readonly expectation: Expectation;
  /** The line of a field, or of the whole where the field is not there. */
  lineOf(field: string): number;
}

export interface ExpectationFile {
  readonly expectations: readonly Located[];
  /** "file:line: field message". */
  readonly faults: readonly string[];
}

/** Reads a file of expectations: YAML, a list of them. */
export async function readExpectations(file: string): Promise<ExpectationFile> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    return { expectations: [], faults: [`${file}: cannot be read: ${describeError(error)}`] };
  }
  return parseExpectations(file, text);
}

function parseExpectations(file: string, text: string): ExpectationFile {
  const expectations: Located[] = [];
  const faults: string[] = [];
  const lines = new LineCounter();
  const lineAt = (range: readonly number[] | null | undefined) => lines.linePos(range?.[0] ?? 0).line;
  for (const document of parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" })) {
    for (const { message, pos } of document.errors) faults.push(`${file}:${lineAt(pos)}: is not YAML: ${message}`);
    const { contents } = document;
    if (document.errors.length > 0 || contents === null) continue;
    if (!isSeq(contents)) {
      faults.push(
        `${file}:${lineAt(contents.range)}: is no list; write - from: ..., to: ..., port: ..., expect: allow`,
      );
      continue;
    }
    const values: unknown = document.toJS();
    for (const [i, item] of contents.items.entries()) {
      const pair = (field: string) =>
        isMap(item) ? item.items.find(({ key }) => isScalar(key) && key.value === field) : undefined;
      const lineOf = (field: string) => {
        const key = pair(field)?.key;
        return lineAt(
          isScalar(key) ? key.range : isMap(item) || isScalar(item) || isSeq(item) ? item.range : undefined,
        );
      };
      const read = readExpectation(Array.isArray(values) ? values[i] : undefined);
      if (isExpectation(read)) expectations.push({ file, expectation: read, lineOf });
      else faults.push(...read.map((fault) => formatFault(file, lineOf(fault.field), fault)));
    }
  }
  if (expectations.length === 0 && faults.length === 0) faults.push(`${file}: has no expectations; a list is needed`);
  return { expectations, faults };
}

function isExpectation(read: Expectation | readonly Fault[]): read is Expectation {
  return !Array.isArray(read);
}

export function formatFault(file: string, line: number, { field, message }: Fault): string {
  return `${file}:${line}: ${field === "" ? "" : `${field} `}${message}`;
}
