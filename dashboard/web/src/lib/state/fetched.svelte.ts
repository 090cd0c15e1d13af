/**
 * Something read from the server that is read again when what `load` looks at changes. The old value stays on screen
 * while the new one comes. `load` returns null when there is nothing to ask for yet.
 */
export const createFetched = <Value>(load: (signal: AbortSignal) => Promise<Value> | null) => {
  let value = $state.raw<Value | null>(null);
  let error = $state.raw<unknown>(null);
  let loading = $state(false);

  $effect(() => {
    const abort = new AbortController();
    const answer = load(abort.signal);
    if (answer === null) return;
    loading = true;
    answer.then(
      (next) => {
        if (abort.signal.aborted) return;
        value = next;
        error = null;
        loading = false;
      },
      (cause: unknown) => {
        if (abort.signal.aborted) return;
        error = cause;
        loading = false;
      },
    );
    return () => abort.abort();
  });

  return {
    get value() {
      return value;
    },
    get error() {
      return error;
    },
    get loading() {
      return loading;
    },
  };
};
