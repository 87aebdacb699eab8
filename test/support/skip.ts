const reasons = new WeakMap<object, string>();

/**
 * Skips the running test, or in a `before` hook every test of its suite, and keeps the reason for the closing report.
 *
 *     before(function () { if (process.getuid?.() !== 0) skip(this, "needs root"); });
 */
export function skip(context: Mocha.Context, reason: string): never {
  const runnable = context.test;
  if (runnable !== undefined) {
    // A hook that skips leaves its suite's tests pending: they find the reason at the suite.
    const holder = "type" in runnable && runnable.type === "hook" ? runnable.parent : runnable;
    if (holder !== undefined) reasons.set(holder, reason);
  }
  return context.skip();
}

export function skipReason(test: Mocha.Test): string | undefined {
  let holder: Mocha.Test | Mocha.Suite | undefined = test;
  while (holder !== undefined) {
    const reason = reasons.get(holder);
    if (reason !== undefined) return reason;
    holder = holder.parent;
  }
  return undefined;
}
