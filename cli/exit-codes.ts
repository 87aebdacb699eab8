/** What the shell gets; `weirctl --help` says the same. */
export const EXIT = {
  ok: 0,
  /** Something is wrong with what was asked about, or it is not there. */
  wrong: 1,
  usage: 2,
  /** No node process answers on the socket, or no API server. */
  unreachable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
