/** Priorities, the same names in every table: the more exact statement wins. */
export const PRIORITY = {
  /** Never, whatever else is said: rogue router advertisements, multicast. */
  forbid: 300,
  /** An exception to the statement below. */
  except: 210,
  /** One address of one object. */
  address: 200,
  /** A network. */
  network: 100,
  /** Whatever no other flow has taken. */
  fallback: 10,
  miss: 0,
} as const;
