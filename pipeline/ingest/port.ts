export const HIGHEST_PORT = 65535;

/** IANA_SVC_NAME: at most 15 lower-case letters, digits and single hyphens within, and a letter among them. */
const NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;

export function isPortNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= HIGHEST_PORT;
}

export function isPortName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}
