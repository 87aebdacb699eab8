/** In milliseconds. */
export interface AnnounceTiming {
  /** Between two hellos. */
  readonly hello: number;
  /** Who was not heard for so long is not alive. A node process that is started again is back before. */
  readonly hold: number;
  /** Before a node takes an address on a link: it has heard the others by then, and they have heard it and let go. */
  readonly listen: number;
  /** After it was taken an address is announced so often: frames get lost, and links need time to come up. */
  readonly announce: readonly number[];
  /** A node that stops being ready for less than this keeps its addresses: forwarding goes on without the process. */
  readonly patience: number;
  /** Between two answers to somebody who claims an address: neither side should keep the link busy. */
  readonly defend: number;
}

export const ANNOUNCE_TIMING: AnnounceTiming = {
  hello: 500,
  hold: 3000,
  listen: 1000,
  announce: [0, 500, 1500, 4000, 10_000],
  patience: 3000,
  defend: 10_000,
};
