/** Runs jobs one after the other; a failed job fails its caller and nobody else. */
export interface Queue {
  readonly run: <Result>(job: () => Promise<Result>) => Promise<Result>;
}

export const createQueue = (): Queue => {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run(job) {
      const result = tail.then(job);
      // What a job gave is the caller's: here it would be held until the next.
      const forget = () => undefined;
      tail = result.then(forget, forget);
      return result;
    },
  };
};
