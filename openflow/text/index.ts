export { formatActions, formatFlow, formatMatch } from "./flow.ts";
export type { NameOptions } from "./names.ts";
export { parseActions, parseFlow, parseFlows, parseMatch } from "./parse-flow.ts";
