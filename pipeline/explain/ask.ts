import type { Cluster } from "./cluster.ts";
import {
  type DestinationSpec,
  END_FORMS,
  type End,
  type EndSpec,
  findEnds,
  PORT_FORMS,
  parseDestination,
  parseEnd,
} from "./ends.ts";
import { type Explanation, explain } from "./explain.ts";
import { withName } from "./named.ts";
import { explainTargets, findTargets, type ServiceExplanation, type ServiceTarget } from "./services.ts";

/** Why may "shop/web" send to "shop/db:5432"? */
export interface Question {
  readonly from: string;
  readonly to: string;
  readonly source: EndSpec;
  readonly destination: DestinationSpec;
}

/** What is to be said to it, of a service or of ends themselves; or why nothing can be. */
export type Answer =
  | { readonly explanations: readonly Explanation[] }
  | { readonly services: readonly ServiceExplanation[] }
  | { readonly refusal: string };

/** A question as people write it, or what would be one. */
export function readQuestion(from: string, to: string): Question | { readonly refusal: string } {
  const source = parseEnd(from);
  if (source === undefined) return { refusal: `${from}: ${END_FORMS} is needed` };
  if (source.type === "service") return { refusal: `${from}: a service sends nothing; name pods` };
  if (source.type === "domain") return { refusal: `${from}: a name sends nothing; name pods or an address` };
  const destination = parseDestination(to);
  if (destination === undefined)
    return { refusal: `${to}: ${END_FORMS} is needed, and behind it may stand : and ${PORT_FORMS}` };
  return { from, to, source, destination };
}

/** With a limit, questions that mean more pairs than that are refused. */
export function ask(
  cluster: Cluster,
  { from, to, source, destination }: Question,
  limit = Number.POSITIVE_INFINITY,
): Answer {
  const sources = findEnds(source, cluster);
  if (sources.length === 0) return { refusal: `${from}: there is no such pod` };
  const targets = findTargets(destination.end, destination.port, cluster);
  if (targets !== undefined && "refusal" in targets) return { refusal: `${to}: ${targets.refusal}` };
  if (targets !== undefined) return askServices(cluster, { from, to, sources, targets }, limit);
  const known = withName(destination.end, cluster);
  const destinations = findEnds(destination.end, known);
  if (destinations.length === 0) return { refusal: `${to}: there is no such pod` };
  const pairs = sources.length * destinations.length;
  if (pairs > limit) return { refusal: tooMany(pairs, limit) };
  const explanations = explain(known, sources, destinations, destination.port);
  if (explanations.length > 0) return { explanations };
  return { refusal: `${from} and ${to} have no address family or no such port in common` };
}

interface ServiceQuestion {
  readonly from: string;
  readonly to: string;
  readonly sources: readonly End[];
  readonly targets: readonly ServiceTarget[];
}

function askServices(cluster: Cluster, { from, to, sources, targets }: ServiceQuestion, limit: number): Answer {
  const pairs = sources.length * targets.length;
  if (pairs > limit) return { refusal: tooMany(pairs, limit) };
  const services = explainTargets(cluster, sources, targets);
  return services.length > 0 ? { services } : { refusal: `${from} and ${to} have no address family in common` };
}

function tooMany(pairs: number, limit: number): string {
  return `${pairs} pairs are meant; at most ${limit} are explained here at once`;
}
