import { type DnsMessage, encodeMessage, QUERY } from "./dns-messages.ts";
import { startPython } from "./python-process.ts";

/** What came of asking many names at once and connecting to each the instant it was answered. */
export interface Burst {
  readonly answered: number;
  readonly connected: number;
  /** Segments that had to be sent twice until they were through. */
  readonly resent: number;
}

/** Name servers, and pods that ask them: see dns-wire.py. */
export interface DnsWire {
  serve(netns: string, address: string): Promise<void>;
  /** What every server says to the message's question from now on, cut into so many pieces for those who ask by TCP. */
  tell(message: DnsMessage, pieces?: number): Promise<void>;
  /** The same for a message that is none. */
  tellBytes(question: DnsMessage, bytes: Uint8Array): Promise<void>;
  /** Undefined where no answer comes. */
  ask(netns: string, server: string, question: DnsMessage): Promise<Buffer | undefined>;
  askByTcp(netns: string, server: string, question: DnsMessage): Promise<Buffer>;
  /** Each question with the address that belongs to it. */
  askAndConnect(
    netns: string,
    server: string,
    questions: readonly (readonly [DnsMessage, string])[],
    port: number,
  ): Promise<Burst>;
  close(): Promise<void>;
}

export async function openDnsWire(): Promise<DnsWire> {
  const { call, close } = await startPython("dns-wire.py");
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const query = ({ question, type = 1 }: DnsMessage) => encodeMessage({ question, type, flags: QUERY, id: 7 });
  const keyOf = (question: DnsMessage) => hex(query(question).subarray(12));
  return {
    serve: (...words) => call("serve", ...words),
    tell(message, pieces = 1) {
      const whole = encodeMessage(message);
      const size = Math.ceil(whole.length / pieces);
      const parts = Array.from({ length: pieces }, (_, i) => hex(whole.subarray(i * size, (i + 1) * size)));
      return call("tell", keyOf(message), parts);
    },
    tellBytes: (question, bytes) => call("tell", keyOf(question), [hex(bytes)]),
    async ask(netns, server, question) {
      const answer = await call<string | null>("ask", netns, server, hex(query(question)));
      return answer === null ? undefined : Buffer.from(answer, "hex");
    },
    askByTcp: async (netns, server, question) =>
      Buffer.from(await call<string>("ask_stream", netns, server, hex(query(question))), "hex"),
    askAndConnect: (netns, server, questions, port) =>
      call(
        "ask_and_connect",
        ...[netns, server, questions.map(([question, address]) => [hex(query(question)), address]), port],
      ),
    close,
  };
}
