export { formatActions, formatFlow, formatMatch } from "./flow.ts";
export type { NameOptions } from "./names.ts";
