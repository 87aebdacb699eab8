import type { Pod } from "../model/model.ts";
import type { Cluster } from "./cluster.ts";
import { type Decision, decisionOf, meetingPoints } from "./decision.ts";
import { createEvaluator } from "./evaluate.ts";
import { classifyPods, distinguish, type PodClass } from "./pod-classes.ts";
import { type PortClass, packetOf } from "./port-classes.ts";
import { podName } from "./words.ts";

/** Who may talk to whom. Pods that no policy tells apart are judged once. */
export interface Matrix {
  /** Every pod that has not completed, in the order of names. */
  readonly pods: readonly Pod[];
  /** The class of a pod: the same for all that no policy tells apart. */
  classOf(pod: Pod): PodClass;
  decide(from: Pod, to: Pod, port: PortClass): Decision;
}

const OWN: Decision = { verdict: "allow", by: [] };
/** There is no packet that could go: the two have no address of one family. */
const APART: Decision = { verdict: "deny", by: [] };

export function createMatrix(cluster: Cluster): Matrix {
  const pods = [...cluster.objects.Pod.values()]
    .filter(({ completed }) => !completed)
    .sort((a, b) => (podName(a) < podName(b) ? -1 : 1));
  const classes = classifyPods(pods, distinguish(cluster));
  const evaluator = createEvaluator(cluster.objects, cluster.podOf);
  const indexOf = new Map(classes.flatMap((one, i) => one.pods.map((pod) => [pod, i] as const)));
  const decided = new Map<PortClass, Map<number, Decision>>();

  function judge(from: Pod, to: Pod, port: PortClass): Decision {
    const [ends] = meetingPoints(from, to);
    return ends === undefined ? APART : decisionOf(evaluator(packetOf(ends, port)));
  }
  return {
    pods,
    classOf: (pod) => classes[indexOf.get(pod)!]!,
    decide(from, to, port) {
      if (from === to) return OWN;
      const ofPort = decided.get(port) ?? new Map<number, Decision>();
      decided.set(port, ofPort);
      const key = indexOf.get(from)! * classes.length + indexOf.get(to)!;
      const known = ofPort.get(key) ?? judge(from, to, port);
      ofPort.set(key, known);
      return known;
    },
  };
}
