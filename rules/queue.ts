/** Runs jobs one after the other; a failed job fails its caller and nobody else. */
export interface Queue {
  readonly run: <Result>(job: () => Promise<Result>) => Promise<Result>;
}

export const createQueue = (): Queue => {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run(job) {
      const result = tail.then(job);
      tail = result.catch(() => undefined);
      return result;
    },
  };
};
