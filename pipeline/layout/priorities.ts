import { requireUnique } from "./validate.ts";

/** Priorities, the same names in every table: the more exact statement wins. */
export const PRIORITY = {
  listen: 60020,
  exempt: 60010,
  staged: 60005,
  unknown: 60000,
  forbid: 500,
  judged: 440,
  told: 430,
  refused: 420,
  back: 415,
  except: 410,
  address: 400,
  limitedLoggedOpen: 370,
  limitedLogged: 360,
  limitedOpen: 350,
  limited: 340,
  loggedOpen: 330,
  logged: 320,
  open: 310,
  rule: 300,
  own: 210,
  isolation: 200,
  network: 100,
  port: 90,
  fallback: 10,
  miss: 0,
} as const;

export const PRIORITY_PURPOSES: Readonly<Record<keyof typeof PRIORITY, string>> = {
  listen: "What is read on its way.",
  exempt: "What no policy is asked about.",
  staged: "A pod whose connections are judged a second time, for staged policies.",
  unknown: "A pod of which nobody can say which policies select it.",
  forbid: "Never, whatever else is said.",
  judged: "What is judged a second time, for staged policies.",
  told: "What the node process is told of on its way.",
  refused: "What is answered where it ends.",
  back: "Answers that go the way by which the questions came, whoever is nearer.",
  except: "An exception to a statement about an address.",
  address: "One address of one object.",
  limitedLoggedOpen: "A rule with a rate that is logged and asks for nothing but the pod.",
  limitedLogged: "The parts of rules with a rate that are logged: they come before others with a rate.",
  limitedOpen: "A rule with a rate that asks for nothing but the pod.",
  limited: "The parts of rules with a rate: they come before others, which would let through what is beyond it.",
  loggedOpen: "A rule that is logged and asks for nothing but the pod.",
  logged: "The parts of rules that are logged: they come before others, so that all that they allow is told.",
  open: "A rule that asks for nothing but the pod.",
  rule: "The parts of rules; all that they do is to allow, so none comes before another.",
  own: "What a pod sends to itself: it is not isolated from that.",
  isolation: "What no rule allows.",
  network: "A network. Its prefix length is added: the longest prefix wins, as in every routing table.",
  port: "A port, at whatever address of the node.",
  fallback: "Whatever no other flow has taken.",
  miss: "What is not foreseen.",
};

requireUnique("priority", Object.values(PRIORITY), 0, 65535);

export function networkPriority(prefixLength: number): number {
  return PRIORITY.network + prefixLength;
}
