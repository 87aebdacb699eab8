import { WeirError } from "#base/errors.ts";

/** What a connection to the API server needs beyond its address. Read anew for each, so that what is rotated on disk counts. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** Handed to node:tls. */
  readonly tls: {
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
  };
  /** Where connections come from, when a proxy is in between. */
  readonly agent?: import("node:http").Agent;
}

export interface Access {
  /** "https://10.96.0.1:443", without a slash at the end. */
  readonly server: string;
  credentials(): Promise<Credentials>;
}

export class AccessError extends WeirError {}
