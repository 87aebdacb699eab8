/** Locks (RFC 7047 section 4.1.8-4.1.10): advisory, held by a connection, and asserted by `assert(name)` in transactions. */
import { OvsdbError } from "#ovsdb/error.ts";
import type { Json } from "#ovsdb/notation.ts";
import { isJsonObject, malformed } from "#ovsdb/notation.ts";
import type { RpcSession } from "#ovsdb/rpc-session.ts";

export interface LockOptions {
  /** Takes the lock from whoever has it. */
  readonly steal?: boolean;
  /** Called whenever it is got or lost after the reply. */
  onChange?(held: boolean): void;
  readonly signal?: AbortSignal;
}

export interface Lock {
  readonly name: string;
  /** False while another connection has it: we stand in its queue. */
  readonly held: boolean;
  unlock(): Promise<void>;
}

export interface LockTable {
  acquire(name: string, options: LockOptions): Promise<Lock>;
  /** Returns whether the notification was about a lock. */
  notify(method: string, params: readonly Json[]): boolean;
}

interface Entry {
  held: boolean;
  onChange: ((held: boolean) => void) | undefined;
}

export function createLockTable(session: () => RpcSession): LockTable {
  const entries = new Map<string, Entry>();

  async function acquire(name: string, options: LockOptions): Promise<Lock> {
    const { steal = false, onChange, signal } = options;
    if (entries.has(name)) {
      throw new OvsdbError("E_OVSDB_VALUE", `this connection has asked for the lock ${name} already`, { lock: name });
    }
    const entry: Entry = { held: false, onChange };
    entries.set(name, entry);
    try {
      await session().request(steal ? "steal" : "lock", [name], { signal, onResult: (json) => readReply(entry, json) });
    } catch (error) {
      entries.delete(name);
      // The server may have given it, or give it later, to us who no longer want it. When the connection goes, it is free.
      if (signal?.aborted)
        session()
          .request("unlock", [name])
          .catch(() => {});
      throw error;
    }
    return {
      name,
      get held() {
        return entry.held;
      },
      async unlock() {
        entries.delete(name);
        entry.held = false;
        await session().request("unlock", [name]);
      },
    };
  }

  function readReply(entry: Entry, json: Json): void {
    if (isJsonObject(json) && typeof json["locked"] === "boolean") entry.held = json["locked"];
    else session().close(malformed('{"locked": true or false}', json));
  }

  function notify(method: string, params: readonly Json[]): boolean {
    if (method !== "locked" && method !== "stolen") return false;
    const [name] = params;
    const entry = typeof name === "string" ? entries.get(name) : undefined;
    if (entry !== undefined && entry.held !== (method === "locked")) {
      entry.held = method === "locked";
      entry.onChange?.(entry.held);
    }
    return true;
  }

  return { acquire, notify };
}
