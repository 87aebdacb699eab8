import { Observable, type OperatorFunction } from "rxjs";

/**
 * At most one `apply` is in flight; whatever arrives meanwhile is squashed into one waiting piece of work. One change goes at
 * once, ten thousand go together, and memory is bounded by the number of keys: this is the back-pressure. A rejected `apply`
 * is an error of the stream. Completes when the source has and the last work is done.
 */
export function squashWhileBusy<T, R>(
  squash: (waiting: T, next: T) => T,
  apply: (work: T) => Promise<R>,
): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      let busy = false;
      let waiting: { readonly work: T } | undefined;
      let completed = false;

      function start(work: T): void {
        busy = true;
        apply(work).then(finish, (error: unknown) => subscriber.error(error));
      }
      function finish(result: R): void {
        subscriber.next(result);
        busy = false;
        const next = waiting;
        waiting = undefined;
        // After an unsubscription nothing new is begun.
        if (subscriber.closed) return;
        if (next !== undefined) start(next.work);
        else if (completed) subscriber.complete();
      }
      return source.subscribe({
        next(work) {
          if (!busy) start(work);
          else waiting = { work: waiting === undefined ? work : squash(waiting.work, work) };
        },
        error: (error: unknown) => subscriber.error(error),
        complete() {
          completed = true;
          if (!busy) subscriber.complete();
        },
      });
    });
}
