/** weir-ovsdb-types: reads a schema, from a file or a server, and writes its tables as TypeScript. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeError } from "#base/errors.ts";
import { connectOvsdb } from "#ovsdb/connect.ts";
import { generateTypes } from "#ovsdb/generator/generate.ts";
import { parseJson } from "#ovsdb/json-text.ts";
import type { TlsOptions } from "#ovsdb/remote.ts";
import { type DatabaseSchema, parseSchema } from "#ovsdb/schema.ts";

const USAGE = `usage: weir-ovsdb-types SCHEMA-FILE [options]
       weir-ovsdb-types REMOTE DATABASE [options]      REMOTE is unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT

  -o, --output FILE    write there, not on standard output
  --import MODULE      what the written module imports from (weir/ovsdb)
  --private-key FILE --certificate FILE --ca-cert FILE      for ssl:
`;

const OPTIONS = {
  output: { type: "string", short: "o" },
  import: { type: "string", default: "weir/ovsdb" },
  "private-key": { type: "string" },
  certificate: { type: "string" },
  "ca-cert": { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

process.exitCode = await run(process.argv.slice(2));

async function run(argv: string[]): Promise<number> {
  let parsed: ReturnType<typeof parseArguments>;
  try {
    parsed = parseArguments(argv);
  } catch (error) {
    process.stderr.write(`weir-ovsdb-types: ${describeError(error)}\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    const text = generateTypes(await readSchema(positionals, values), { importFrom: values.import });
    if (values.output === undefined) process.stdout.write(text);
    else writeFileSync(values.output, text);
    return 0;
  } catch (error) {
    process.stderr.write(`weir-ovsdb-types: ${describeError(error)}\n`);
    return 1;
  }
}

function parseArguments(argv: string[]) {
  const parsed = parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
  const { length } = parsed.positionals;
  if (length !== 1 && length !== 2 && !parsed.values.help) throw new Error("a schema is needed");
  return parsed;
}

async function readSchema(
  [source = "", database]: readonly string[],
  values: ReturnType<typeof parseArguments>["values"],
): Promise<DatabaseSchema> {
  if (database === undefined) return parseSchema(parseJson(readFileSync(source, "utf8")));
  const client = await connectOvsdb({ remote: source, ...tlsOf(values) });
  try {
    return await client.getSchema(database);
  } finally {
    client.close();
  }
}

function tlsOf(values: ReturnType<typeof parseArguments>["values"]): { readonly tls?: TlsOptions } {
  const files = [values["private-key"], values.certificate, values["ca-cert"]];
  if (files.every((file) => file === undefined)) return {};
  const [key = "", certificate = "", ca = ""] = files.map((file) => {
    if (file === undefined) throw new Error("TLS needs --private-key, --certificate and --ca-cert, all three");
    return readFileSync(file, "utf8");
  });
  return { tls: { key, certificate, ca } };
}
