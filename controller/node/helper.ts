import { existsSync } from "node:fs";
import { join } from "node:path";
import { WeirError } from "#base/errors.ts";

/** Beside the bundle in the image, and in dist/ of a checkout. */
const PLACES = [import.meta.dirname, join(import.meta.dirname, "../../dist")];

/** An executable of cni/ that the node process starts. */
export function findProgram(name: "weir-netns" | "weir-announce"): string {
  const paths = PLACES.map((place) => join(place, name));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) {
    const message = `the executable ${name} is missing; it is looked for at ${paths.join(" and ")}: make bundle builds it`;
    throw new WeirNodeError("E_NO_HELPER", message, { paths });
  }
  return found;
}

class WeirNodeError extends WeirError {}
