import * as z from "zod/mini";
import { parseCidr } from "#base/address.ts";

/**
 * What configurations are made of. Each field's `error` says what would be right, for that is the second half of every message,
 * and each is described here, from which docs/configuration.md is made. zod/mini: the full zod costs 8 MB more of resident memory
 * on every node.
 */
export const descriptions = z.registry<{ description: string; examples?: readonly string[] }>();

export function described<T extends z.ZodMiniType>(schema: T, description: string, ...examples: string[]): T {
  descriptions.add(schema, examples.length === 0 ? { description } : { description, examples });
  return schema;
}

export function matching(pattern: RegExp, error: string): z.ZodMiniString {
  return z.string({ error }).check(z.regex(pattern, { error }));
}

export const absolutePath = () => matching(/^\/[^\0\n]*[^\0\n/]$/, "an absolute path, such as /var/lib/weir");

export const socketPath = () => {
  const error = "an absolute path of at most 107 bytes (the system's limit for a unix socket)";
  return z.string({ error }).check(
    z.regex(/^\/[^\0\n]*[^\0\n/]$/, { error }),
    z.refine((path) => typeof path !== "string" || Buffer.byteLength(path) <= 107, { error }),
  );
};

export const interfaceName = () =>
  matching(
    /^(?!\.\.?$)[^\s/:]{1,15}$/,
    "an interface name: 1 to 15 characters, no space, slash or colon, such as br-weir",
  );

export const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, { error: `one of ${values.map((value) => JSON.stringify(value)).join(", ")}` });

export const wholeNumber = (from: number, to: number) => {
  const error = `a whole number from ${from} to ${to}`;
  return z.int({ error }).check(z.minimum(from, { error }), z.maximum(to, { error }));
};

/** A section may be left out whole: then each of its fields has its default. */
export function section<T extends z.core.$ZodShape>(shape: T): z.ZodMiniPrefault<z.ZodMiniObject<T, z.core.$strict>> {
  const object = z.strictObject(shape, { error: "a section: keys and values, indented" });
  return z.prefault(object, () => ({}) as z.core.util.NoUndefined<z.core.input<typeof object>>);
}

export const networks = () => {
  const error = "a list of networks, such as [10.0.0.0/8, fd00::/8]";
  const isNetwork = (text: unknown): boolean => typeof text !== "string" || parseCidr(text) !== undefined;
  return z.array(z.string({ error }).check(z.refine(isNetwork, { error })), { error });
};

export const hostAndPort = () => {
  const error = "HOST:PORT with an address and a port from 1 to 65535, such as 127.0.0.1:10350 or [::1]:10350";
  return z
    .string({ error })
    .check(z.refine((text) => typeof text !== "string" || parseHostAndPort(text) !== undefined, { error }));
};

/** "127.0.0.1:10350", "[::1]:10350" or ":10350" (all addresses). */
export function parseHostAndPort(text: string): { host: string; port: number } | undefined {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/i.exec(text);
  const port = Number(parts?.[3]);
  if (parts === null || port < 1 || port > 65535) return undefined;
  return { host: parts[1] ?? (parts[2] || "::"), port };
}
