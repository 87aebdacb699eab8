import type { Action, ActionOf, LearnSpec, Subfield } from "#openflow/actions.ts";
import type { FieldName } from "#openflow/fields.ts";
import type { Contribution } from "../../feature.ts";
import { cookieOf } from "../../layout/cookie.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { TABLES } from "../../layout/tables.ts";
import type { Service } from "../../model/service.ts";
import { alsoMatchRegister, ethTypeOf, goto, registerField, setRegister } from "../vocabulary.ts";
import { type Frontend, flowOf, keyOf } from "./frontends.ts";
import { type Bucketed, translateTo } from "./groups.ts";
import { PORT_FIELDS } from "./port-fields.ts";

/** For how long the switch remembers a choice, and whether of each client or of each of its connections. */
export interface Memory {
  readonly of: "client" | "connection";
  readonly limits: Pick<ActionOf<"learn">, "hardTimeout" | "idleTimeout" | "finIdleTimeout" | "limit">;
}

/** What becomes of a packet whose endpoint is this one. */
export interface Choice {
  readonly id: number;
  readonly actions: readonly Action[];
}

/** For each address of a service with session affinity: who was there comes to the same endpoint while it lasts. */
export function rememberClients(
  service: Service,
  frontend: Frontend,
  groupId: number,
  endpoints: readonly Bucketed[],
  timeout: number,
): readonly Contribution[] {
  const choices = endpoints.map((endpoint): Choice => ({ id: endpoint.id, actions: [translateTo(endpoint)] }));
  return remember(service, frontend, groupId, choices, { of: "client", limits: { hardTimeout: timeout } });
}

/** The group chooses once, and what it has noted is found again while it is remembered and its endpoint is there. */
export function remember(
  service: Service,
  frontend: Frontend,
  groupId: number,
  choices: readonly Choice[],
  memory: Memory,
): readonly Contribution[] {
  const { spec } = frontend;
  const site = memory.of === "client" ? "services/affinity" : "services/direct";
  const fresh = { ...frontend, spec: alsoMatchRegister(spec, "hasEndpoint", 0) };
  const settled = { ...frontend, spec: alsoMatchRegister(spec, "hasEndpoint", 1) };
  const gone = { ...frontend, priority: PRIORITY.fallback };
  return [
    flowOf(frontend, site, [{ type: "resubmit", table: TABLES.ServiceAffinity.id }, goto("ServiceLearn")]),
    flowOf(fresh, "services/balance", [{ type: "group", groupId }], "ServiceLearn"),
    flowOf(settled, site, [learn(service, frontend, memory), goto("EndpointNat")], "ServiceLearn"),
    ...choices.map(({ id, actions }) => {
      const chosen = { ...frontend, spec: alsoMatchRegister(spec, "endpoint", id) };
      return flowOf(chosen, "services/endpoint", actions, "EndpointNat");
    }),
    flowOf(
      gone,
      site,
      [setRegister("hasEndpoint", 0), { type: "resubmit", table: TABLES.ServiceLearn.id }],
      "EndpointNat",
    ),
  ];
}

/** Of the flows by which the switch remembers the clients of a service. */
export function rememberedCookie(serviceKey: string): bigint {
  return cookieOf("services/remembered", `Service/${serviceKey}`);
}

/** Made anew by each connection, which begins its time anew; gone with the flow that makes it. */
function learn(service: Service, { family, port }: Frontend, memory: Memory): Action {
  const { source, destination } = PORT_FIELDS[port.protocol]!;
  const [from, to, bits] =
    family === 4 ? (["ip_src", "ip_dst", 32] as const) : (["ipv6_src", "ipv6_dst", 128] as const);
  const specs: readonly LearnSpec[] = [
    { type: "match", source: ethTypeOf(family), destination: { field: "eth_type", start: 0, bits: 16 } },
    { type: "match", source: port.protocol, destination: { field: "nw_proto", start: 0, bits: 8 } },
    ...[
      whole(from, bits),
      whole(to, bits),
      ...(memory.of === "connection" ? [whole(source, 16)] : []),
      whole(destination, 16),
    ].map((field): LearnSpec => ({ type: "match", source: field, destination: field })),
    { type: "load", source: registerField("endpoint"), destination: registerField("endpoint") },
    { type: "load", source: 1, destination: registerField("hasEndpoint") },
  ];
  return {
    type: "learn",
    table: TABLES.ServiceAffinity.id,
    priority: PRIORITY.address,
    ...memory.limits,
    // Of the service: its flows share what they have made, and it goes with the last of them.
    cookie: rememberedCookie(keyOf(service)),
    deleteLearned: true,
    specs,
  };
}

function whole(field: FieldName, bits: number): Subfield {
  return { field, start: 0, bits };
}
