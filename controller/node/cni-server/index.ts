/** The room's public face. */
export { CNI_CODES, CniError } from "./cni-error.ts";
export { type ConflistOptions, removeConflist, writeConflist } from "./conflist.ts";
export { Plugger, type PluggerOptions, type Step } from "./plugger.ts";
export { createPodSide, type PodSide, type PodSideOptions } from "./pod-side.ts";
export { type CniServer, type CniServerOptions, startCniServer } from "./server.ts";
