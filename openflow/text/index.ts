export { formatActions, formatFlow, formatMatch } from "./flow.ts";
export { formatGroupEntry } from "./message/groups.ts";
export type { NameOptions } from "./names.ts";
export { parseActions, parseFlow, parseFlows, parseMatch } from "./parse-flow.ts";
