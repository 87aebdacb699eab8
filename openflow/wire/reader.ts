import { DecodeError } from "#openflow/errors.ts";

/** So deep may actions, buckets and messages hold one another. */
const MAX_DEPTH = 16;

/** Reads one message. It never reads behind `end`, and its errors say where in the message. */
export class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offset: number;
  end: number;
  /** The version of the message that is being read: actions have other numbers in older ones. */
  version = 6;
  /** Where the message begins that is being read: errors count from there. */
  start = 0;
  // Names and indexes apart, and never taken off: a path is put together only for an error.
  /** The error that a switch would answer with already, for what was met before and is kept here. */
  doubt: string | undefined;
  readonly #steps: string[] = [];
  readonly #indexes: number[] = [];
  #depth = 0;

  constructor(bytes: Uint8Array) {
    // A plain array, for slice() of a Buffer would share its memory.
    this.bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.offset = 0;
    this.end = bytes.length;
  }

  get left(): number {
    return this.end - this.offset;
  }

  /** `refusal` is the error that a switch would answer with; without it the text goes by the path. */
  fail(message: string, refusal?: string): never {
    const start = Math.max(this.start, this.offset - 8);
    const around = this.bytes.subarray(start, start + 32);
    const hex = Buffer.from(around).toString("hex");
    throw new DecodeError(this.#describePath(), this.offset - this.start, message, hex, this.doubt ?? refusal);
  }

  #describePath(): string {
    const steps = this.#steps.slice(0, this.#depth);
    return steps.map((step, i) => (this.#indexes[i]! < 0 ? step : `${step}[${this.#indexes[i]}]`)).join(".");
  }

  /** Adds a step to the path that errors show; `leave` takes it off again. */
  enter(step: string, index = -1): void {
    if (this.#depth >= MAX_DEPTH) this.fail("is nested too deeply");
    this.#steps[this.#depth] = step;
    this.#indexes[this.#depth++] = index;
  }

  leave(): void {
    this.#depth--;
  }

  /** How many steps the path has; `unwind` goes back to so many. */
  get depth(): number {
    return this.#depth;
  }

  unwind(depth: number): void {
    this.#depth = depth;
  }

  /** Runs `body` with a step added to the path. */
  within<T>(step: string, body: () => T): T {
    this.enter(step);
    const result = body();
    this.leave();
    return result;
  }

  /** Narrows the reader to the next `length` bytes; returns what `widen` takes. */
  narrow(length: number): number {
    this.need(length);
    const outer = this.end;
    this.end = this.offset + length;
    return outer;
  }

  /** Goes behind the bytes that `narrow` gave, read or not. */
  widen(outer: number): void {
    this.offset = this.end;
    this.end = outer;
  }

  /** Runs `body` over the next `length` bytes only, then stands behind them. */
  slice<T>(length: number, body: () => T): T {
    const outer = this.narrow(length);
    const result = body();
    this.widen(outer);
    return result;
  }

  need(count: number): void {
    if (count < 0 || this.end - this.offset < count) this.fail(`${count} bytes are expected, ${this.left} are left`);
  }

  u8(): number {
    this.need(1);
    return this.bytes[this.offset++]!;
  }

  u16(): number {
    this.need(2);
    const value = this.view.getUint16(this.offset);
    this.offset += 2;
    return value;
  }

  u32(): number {
    this.need(4);
    const value = this.view.getUint32(this.offset);
    this.offset += 4;
    return value;
  }

  u48(): number {
    return this.u16() * 0x1_0000_0000 + this.u32();
  }

  u64(): bigint {
    this.need(8);
    const value = this.view.getBigUint64(this.offset);
    this.offset += 8;
    return value;
  }

  wide(size: number): bigint {
    this.need(size);
    let value = 0n;
    let rest = size;
    for (; rest >= 8; rest -= 8) value = (value << 64n) | this.u64();
    for (; rest > 0; rest--) value = (value << 8n) | BigInt(this.u8());
    return value;
  }

  /** A copy, so that nothing keeps the buffer of the socket alive. */
  raw(count: number): Uint8Array {
    this.need(count);
    const bytes = this.bytes.slice(this.offset, this.offset + count);
    this.offset += count;
    return bytes;
  }

  skip(count: number): void {
    this.need(count);
    this.offset += count;
  }
}
