import { policyId } from "../model/policy.ts";
import type { Cluster } from "./cluster.ts";
import { type Decision, decisionOf } from "./decision.ts";
import {
  END_FORMS,
  type End,
  type EndSpec,
  endName,
  findEnds,
  PORT_FORMS,
  type PortSpec,
  parseEnd,
  parsePortSpec,
  resolvePort,
} from "./ends.ts";
import { createEvaluator } from "./evaluate.ts";
import { type Explanation, explain, pairsOf } from "./explain.ts";
import { withName } from "./named.ts";
import { classifyPorts, type PortClass, packetOf } from "./port-classes.ts";
import { explainTargets, findTargets, type ServiceExplanation } from "./services.ts";
import { policiesOf } from "./words.ts";

/** What somebody expects of policies. */
export interface Expectation {
  readonly name: string;
  readonly from: EndSpec;
  readonly to: EndSpec;
  /** Undefined: at every port. */
  readonly port: PortSpec | undefined;
  readonly expect: Decision["verdict"];
  /** The policy that decides it, "namespace/name", or "name" of one for the whole cluster. */
  readonly by: string | undefined;
}

/** What is wrong with an expectation itself. */
export interface Fault {
  readonly field: string;
  readonly message: string;
}

export type Outcome =
  | { readonly type: "held" }
  /** Because of nothing where a service leads nowhere. */
  | { readonly type: "failed"; readonly message: string; readonly because?: Explanation }
  | { readonly type: "faulty"; readonly fault: Fault };

const FIELDS = ["name", "from", "to", "port", "expect", "by"];
const POLICY = /^[^/]+(\/[^/]+)?$/;

/** From parsed YAML. */
export function readExpectation(value: unknown): Expectation | readonly Fault[] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return [{ field: "", message: `is no expectation; from, to, port, expect (allow or deny) and by are its fields` }];
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const faults: Fault[] = Object.keys(fields)
    .filter((field) => !FIELDS.includes(field))
    .map((field) => ({ field, message: `is unknown; nothing but ${FIELDS.join(", ")} is expected` }));
  const read = <T>(field: string, parse: (text: string) => T | undefined, expected: string): T | undefined => {
    const said = fields[field];
    const parsed = typeof said === "string" || typeof said === "number" ? parse(String(said)) : undefined;
    if (parsed === undefined)
      faults.push({
        field,
        message: `is ${said === undefined ? "missing" : JSON.stringify(said)}; ${expected} is expected`,
      });
    return parsed;
  };
  const isThere = (field: string) => fields[field] !== undefined && fields[field] !== null;
  const from = read("from", parseEnd, END_FORMS);
  const to = read("to", parseEnd, END_FORMS);
  const expect = read("expect", parseVerdict, "allow or deny");
  const port = isThere("port") ? read("port", parsePortSpec, PORT_FORMS) : undefined;
  const isPolicy = (text: string) => (POLICY.test(text) ? text : undefined);
  const by = isThere("by") ? read("by", isPolicy, "a policy such as shop/db") : undefined;
  if (from === undefined || to === undefined || expect === undefined || faults.length > 0) return faults;
  const where = isThere("port") ? ` at ${fields["port"]}` : "";
  const said = `${fields["from"]} to ${fields["to"]}${where}: ${expect}${by === undefined ? "" : ` by ${by}`}`;
  const name = typeof fields["name"] === "string" ? fields["name"] : said;
  return { name, from, to, port, expect, by };
}

function parseVerdict(text: string): Expectation["expect"] | undefined {
  return text === "allow" || text === "deny" ? text : undefined;
}

/** Whether it is so: between every pair that is meant, in every family, at the port or at all of them. */
export function checkExpectation(told: Cluster, expectation: Expectation): Outcome {
  const { port, by } = expectation;
  const cluster = withName(expectation.to, told);
  const from = findEnds(expectation.from, cluster);
  const to = findEnds(expectation.to, cluster);
  if (from.length === 0) return faulty("from", "is no pod of the manifests; one at least is expected");
  const targets = findTargets(expectation.to, port, cluster);
  if (targets !== undefined && "refusal" in targets) return faulty("to", `is none to be reached: ${targets.refusal}`);
  if (targets !== undefined) return checkServices(expectation, explainTargets(cluster, from, targets));
  if (to.length === 0) return faulty("to", "is no pod of the manifests; one at least is expected");
  if (by !== undefined && !policyNames(cluster).includes(by)) return faulty("by", nameIsUnknown(by, cluster));
  const nameless = port === undefined ? undefined : to.find((end) => resolvePort(port, end) === undefined);
  if (nameless !== undefined)
    return faulty("port", `is no name of a port of ${endName(nameless)}; a number is right always`);
  const pairs = pairsOf(cluster, from, to, port);
  if (pairs.length === 0) return faulty("to", "has no address of a family that from has; nothing can be sent");
  const evaluator = createEvaluator(cluster.objects, cluster.podOf);
  const ports = port === undefined ? classifyPorts(cluster.objects) : undefined;
  for (const pair of pairs)
    for (const one of ports ?? [resolvePort(port!, pair.to)!]) {
      const found = decisionOf(evaluator(packetOf(pair.ends, one)));
      if (isAsExpected(found, expectation)) continue;
      return failed(cluster, expectation, pair, one, found);
    }
  return { type: "held" };
}

/** By way of a service: to each endpoint that may be chosen. Where there is none nothing passes. */
function checkServices(expectation: Expectation, services: readonly ServiceExplanation[]): Outcome {
  if (services.length === 0) return faulty("to", "has no address of a family that from has; nothing can be sent");
  for (const { from, service, port, outcome, reason, endpoints } of services) {
    const path = `${from[0]} to service ${service} at ${port}`;
    if (outcome !== "served" && !isAsExpected({ verdict: "deny", by: [] }, expectation))
      return { type: "failed", message: `${path}: ${outcome}, ${reason ?? "for it has no endpoint"}` };
    const wrong = endpoints.find((one) => !isAsExpected(one, expectation));
    if (wrong !== undefined) {
      const deciders = wrong.by.map(({ policy }) => policy).join(", ") || "no policy";
      const message = `${path}, endpoint ${wrong.to}: ${wrong.verdict} by ${deciders}`;
      return { type: "failed", message, because: wrong };
    }
  }
  return { type: "held" };
}

function isAsExpected({ verdict, by: deciders }: Decision, { expect, by }: Expectation): boolean {
  return verdict === expect && (by === undefined || deciders.some(({ policy }) => policy === by));
}

function failed(
  cluster: Cluster,
  { expect }: Expectation,
  { from, to, ends }: { readonly from: End; readonly to: End; readonly ends: { readonly source: unknown } },
  port: PortClass,
  found: Decision,
): Outcome {
  const family = typeof ends.source === "number" ? "IPv4" : "IPv6";
  const because = explain(cluster, [from], [to], port).find((one) => one.family === family)!;
  const deciders = [...new Set(found.by.map(({ policy }) => policy))].join(", ") || "no policy";
  const message = `${endName(from)} to ${endName(to)} at ${port.text} (${family}): ${found.verdict} by ${deciders}`;
  const hint = found.verdict === expect ? `${message}; write by: with one of these, or none` : message;
  return { type: "failed", message: hint, because };
}

function nameIsUnknown(by: string, cluster: Cluster): string {
  const names = policyNames(cluster);
  return `is ${by}, which no manifest has; there are ${names.join(", ") || "no policies"}`;
}

function policyNames({ objects }: Cluster): readonly string[] {
  return policiesOf(objects)
    .map((policy) => policyId(policy).name)
    .sort();
}

function faulty(field: string, message: string): Outcome {
  return { type: "faulty", fault: { field, message } };
}
