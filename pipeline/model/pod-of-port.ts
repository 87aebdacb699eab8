import type { Objects, Pod, Port } from "./model.ts";

export function podKeyOf({ podNamespace, podName }: Pick<Port, "podNamespace" | "podName">): string {
  return `${podNamespace}/${podName}`;
}

/** The pod that a port belongs to; undefined while the API has not told of it, or only of an earlier one of its name. */
export function podOfPort(view: Pick<Objects, "Pod">, port: Port): Pod | undefined {
  const pod = view.Pod.get(podKeyOf(port));
  const isAnother = pod !== undefined && port.podUid !== "" && pod.uid !== "" && pod.uid !== port.podUid;
  return isAnother ? undefined : pod;
}
