import assert from "node:assert/strict";
import { Subject } from "rxjs";
import { squashWhileBusy } from "#pipeline/squash-while-busy.ts";

interface Job {
  readonly work: string;
  finish(): Promise<void>;
  fail(): void;
}

function rig() {
  const source = new Subject<string>();
  const jobs: Job[] = [];
  const results: string[] = [];
  const ended: unknown[] = [];
  const subscription = source
    .pipe(
      squashWhileBusy(
        (a, b) => a + b,
        (work) =>
          new Promise<string>((resolve, reject) => {
            jobs.push({
              work,
              async finish() {
                resolve(work);
                await Promise.resolve();
                await Promise.resolve();
              },
              fail: () => reject(new Error("refused")),
            });
          }),
      ),
    )
    .subscribe({ next: (r) => results.push(r), error: (e) => ended.push(e), complete: () => ended.push("complete") });
  return { source, jobs, results, ended, subscription };
}

describe("squashWhileBusy", () => {
  it("applies one piece of work at once and squashes what arrives meanwhile into one", async () => {
    const { source, jobs, results } = rig();
    for (const item of ["a", "b", "c", "d"]) source.next(item);
    assert.deepEqual(
      jobs.map((job) => job.work),
      ["a"],
    );
    await jobs[0]!.finish();
    assert.deepEqual(
      jobs.map((job) => job.work),
      ["a", "bcd"],
    );
    await jobs[1]!.finish();
    assert.deepEqual(results, ["a", "bcd"]);
  });

  it("completes only when the last work is done", async () => {
    const { source, jobs, ended } = rig();
    source.next("a");
    source.complete();
    assert.deepEqual(ended, []);
    await jobs[0]!.finish();
    assert.deepEqual(ended, ["complete"]);
  });

  it("begins nothing new once nobody listens any more", async () => {
    const { source, jobs, results, subscription } = rig();
    source.next("a");
    source.next("b");
    subscription.unsubscribe();
    await jobs[0]!.finish();
    assert.deepEqual(results, []);
    assert.equal(jobs.length, 1);
  });

  it("hands a rejection on as the error of the stream", async () => {
    const { source, jobs, ended } = rig();
    source.next("a");
    jobs[0]!.fail();
    await new Promise((resolve) => setImmediate(resolve));
    assert.match(String(ended[0]), /refused/);
  });
});
