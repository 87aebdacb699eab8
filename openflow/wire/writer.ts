import { EncodeError } from "#openflow/errors.ts";

/** One growing buffer: a message is written in place, and lengths are patched when they are known. */
export class Writer {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  offset = 0;
  /** The wire version of what is being written: actions have other forms before 1.5. */
  version = 6;
  /** The xid of the message that is being written: one that it holds may have the same. */
  xid = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` bytes more. */
  reserve(count: number): void {
    if (this.offset + count > this.bytes.length) this.#grow(count);
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.offset + count, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.offset));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  u8(value: number): void {
    if ((value & 0xff) !== value) refuse(value, 8);
    this.reserve(1);
    this.bytes[this.offset++] = value;
  }

  u16(value: number): void {
    if ((value & 0xffff) !== value) refuse(value, 16);
    this.reserve(2);
    this.view.setUint16(this.offset, value);
    this.offset += 2;
  }

  u32(value: number): void {
    if (value >>> 0 !== value) refuse(value, 32);
    this.reserve(4);
    this.view.setUint32(this.offset, value);
    this.offset += 4;
  }

  u48(value: number): void {
    if (!(value >= 0 && value < 0x1_0000_0000_0000 && Number.isInteger(value))) refuse(value, 48);
    this.reserve(6);
    const low = value % 0x1_0000_0000;
    this.view.setUint16(this.offset, (value - low) / 0x1_0000_0000);
    this.view.setUint32(this.offset + 2, low);
    this.offset += 6;
  }

  u64(value: bigint): void {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) refuse(value, 64);
    this.reserve(8);
    this.view.setBigUint64(this.offset, value);
    this.offset += 8;
  }

  /** An unsigned number of any whole number of bytes. */
  wide(value: bigint, size: number): void {
    if (value < 0n || value >> BigInt(size * 8) !== 0n) refuse(value, size * 8);
    this.reserve(size);
    let rest = value;
    let end = this.offset + size;
    while (end - this.offset >= 8) {
      end -= 8;
      this.view.setBigUint64(end, BigInt.asUintN(64, rest));
      rest >>= 64n;
    }
    while (end > this.offset) {
      this.bytes[--end] = Number(rest & 255n);
      rest >>= 8n;
    }
    this.offset += size;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.offset);
    this.offset += bytes.length;
  }

  zeros(count: number): void {
    this.reserve(count);
    for (let i = 0; i < count; i++) this.bytes[this.offset++] = 0;
  }

  /** Zeros up to the next multiple of `alignment`, counted from `start`. */
  pad(start: number, alignment: number): void {
    const over = (this.offset - start) % alignment;
    if (over !== 0) this.zeros(alignment - over);
  }

  patch16(offset: number, value: number): void {
    if ((value & 0xffff) !== value) refuse(value, 16);
    this.view.setUint16(offset, value);
  }

  patch32(offset: number, value: number): void {
    this.view.setUint32(offset, value);
  }

  /** What has been written, sharing this writer's memory. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.offset);
  }

  /** A copy of what has been written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.offset);
  }
}

function refuse(value: number | bigint, bits: number): never {
  throw new EncodeError(`${value} is no unsigned number of ${bits} bits`, { value, bits });
}
