/** What was found, for a message: short, however large, deep or strange it is. */
const LENGTH = 120;
const DEPTH = 8;

export function excerpt(found: unknown): string {
  const text = print(found, DEPTH);
  return text.length > LENGTH ? `${text.slice(0, LENGTH).toWellFormed()}...` : text;
}

function print(found: unknown, depth: number): string {
  switch (typeof found) {
    case "string":
      return JSON.stringify(found.slice(0, LENGTH + 1));
    case "function":
    case "symbol":
      return `a ${typeof found}`;
    case "object": {
      if (found === null) return "null";
      if (depth === 0) return "...";
      if (Array.isArray(found)) return `[${join(found, (item) => print(item, depth - 1))}]`;
      const entries = Object.entries(found);
      return `{${join(entries, ([key, value]) => `${print(key, 1)}:${print(value, depth - 1)}`)}}`;
    }
    default:
      return String(found);
  }
}

/** Goes no further than what will be shown. */
function join<T>(items: readonly T[], write: (item: T) => string): string {
  let text = "";
  for (const item of items) {
    if (text.length > LENGTH) break;
    text += `${text === "" ? "" : ","}${write(item)}`;
  }
  return text;
}
