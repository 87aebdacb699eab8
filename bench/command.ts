import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** Runs a program to its end and returns what it printed. */
export async function command(argv: readonly string[]): Promise<string> {
  const [file, ...rest] = argv;
  const { stdout } = await exec(file!, rest, { maxBuffer: 256 << 20 });
  return stdout;
}

export function inNetns(netns: string, argv: readonly string[]): string[] {
  return ["ip", "netns", "exec", netns, ...argv];
}

/** Megabits a second that one TCP stream carries from one namespace to another. */
export async function measureThroughput(from: string, to: string, address: string, seconds: number): Promise<number> {
  const server = spawn("ip", ["netns", "exec", to, "iperf3", "-s", "-1", "-p", "15201", "--forceflush"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: server.stdout }).on("line", (line) => {
        if (line.includes("listening")) resolve();
      });
      server.once("close", (code) => reject(new Error(`iperf3 -s in ${to} ended with ${code}`)));
    });
    const argv = ["iperf3", "-c", address, "-p", "15201", "-t", String(seconds), "-O", "0.3", "-J"];
    const report: { error?: string; end: { sum_received?: { bits_per_second: number } } } = JSON.parse(
      await command(inNetns(from, argv)),
    );
    const received = report.end.sum_received;
    // iperf3 leaves with 0 whatever has happened.
    if (received === undefined) throw new Error(`iperf3 from ${from} to ${address}: ${report.error ?? "no result"}`);
    return received.bits_per_second / 1e6;
  } finally {
    server.kill();
    await ended;
  }
}

/** Resident memory, now and at most, and processor time of a process, from /proc. */
export async function readProcess(
  pid: number,
): Promise<{ megabytes: number; peakMegabytes: number; cpuSeconds: number }> {
  const status = await command(["cat", `/proc/${pid}/status`]);
  const stat = await command(["cat", `/proc/${pid}/stat`]);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { megabytes: megabytes("VmRSS"), peakMegabytes: megabytes("VmHWM"), cpuSeconds: ticks / 100 };
}
