import { styleText } from "node:util";

/** Says what happens as it happens, with the time since the start. */
export interface Narrator {
  readonly colour: boolean;
  say(text: string): void;
  /** Says it with the time it took. */
  step<T>(text: string | ((result: T) => string), work: () => Promise<T>): Promise<T>;
  print(text: string): void;
}

export function createNarrator(): Narrator {
  const started = performance.now();
  const colour = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
  const dim = (text: string) => (colour ? styleText("dim", text, { validateStream: false }) : text);
  const since = (from: number, digits = 2) => `${((performance.now() - from) / 1000).toFixed(digits)} s`;
  const say = (text: string) => void process.stdout.write(`${dim(since(started).padStart(8))}  ${text}\n`);
  return {
    colour,
    say,
    async step(text, work) {
      const from = performance.now();
      const result = await work();
      say(`${typeof text === "string" ? text : text(result)} ${dim(`(${Math.round(performance.now() - from)} ms)`)}`);
      return result;
    },
    print: (text) => void process.stdout.write(`${text}\n`),
  };
}
