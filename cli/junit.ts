import type { Tested } from "./test-policies.ts";

/** The results as JUnit's XML, one suite a file, as CI systems read it. */
export function formatJunit(tested: readonly Tested[]): string {
  const files = [...new Set(tested.map(({ file }) => file))];
  const suites = files.map((file) =>
    formatSuite(
      file,
      tested.filter((one) => one.file === file),
    ),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${countsOf(tested)}>\n${suites.join("")}</testsuites>\n`;
}

function formatSuite(file: string, tested: readonly Tested[]): string {
  return `  <testsuite name="${escapeXml(file)}"${countsOf(tested)}>\n${tested.map(formatCase).join("")}  </testsuite>\n`;
}

function countsOf(tested: readonly Tested[]): string {
  const failures = tested.filter(({ failure }) => failure !== undefined).length;
  return ` tests="${tested.length}" failures="${failures}" errors="0"`;
}

function formatCase({ file, line, name, failure }: Tested): string {
  const head = `    <testcase classname="${escapeXml(file)}" name="${escapeXml(name)}" file="${escapeXml(file)}" line="${line}"`;
  if (failure === undefined) return `${head}/>\n`;
  const { message, expected, because } = failure;
  const reasons = because && [
    ...[`egress: ${because.egress.text}`, `ingress: ${because.ingress.text}`],
    ...[...because.egress.nearMisses, ...because.ingress.nearMisses],
  ];
  const lines = [`${file}:${line}: expected ${expected}`, message, ...(reasons ?? [])];
  return `${head}>\n      <failure message="${escapeXml(message)}">${escapeXml(lines.join("\n"))}</failure>\n    </testcase>\n`;
}

/** What XML 1.0 cannot hold at all, control characters, becomes a question mark. */
function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text
    .replaceAll(/\p{Cc}/gu, (one) => (one === "\n" ? one : "?"))
    .replaceAll(/[&<>"]/g, (one) => entities[one]!);
}
