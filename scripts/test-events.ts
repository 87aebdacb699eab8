/** What the mocha reporter tells the runner, one JSON line each on file descriptor 3. */
export type TestEvent =
  | { readonly event: "pass"; readonly file: string; readonly title: string; readonly milliseconds: number }
  | { readonly event: "fail"; readonly file: string; readonly title: string; readonly error: string }
  | { readonly event: "skip"; readonly file: string; readonly title: string; readonly reason: string }
  | { readonly event: "end" };
