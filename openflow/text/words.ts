/** "a,b,c" of those words that are there. */
export function joinWords(words: readonly (string | undefined)[]): string {
  return words.filter((word) => word !== undefined).join(",");
}

/** Bytes as Open vSwitch writes notes and userdata: 01.ff. */
export function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(".");
}
