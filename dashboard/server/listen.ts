// A reader of the live stream, for tests.
export interface Heard {
  readonly id: number;
  readonly event: string;
  readonly data: unknown;
}

export interface Listener extends AsyncDisposable {
  readonly headers: Headers;
  readonly heard: readonly Heard[];
  /** The first event, heard already or yet to come, for which `matches`. */
  until(matches: (heard: Heard) => boolean): Promise<Heard>;
  /** Resolves when the server ends the stream. */
  readonly ended: Promise<void>;
}

const parse = (block: string): Heard | null => {
  const fields = new Map(
    block
      .split("\n")
      .filter((line) => !line.startsWith(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
  );
  const data = fields.get("data");
  if (data === undefined) return null;
  return { id: Number(fields.get("id")), event: fields.get("event") ?? "message", data: JSON.parse(data) };
};

export const listen = async (url: string, lastEventId?: number): Promise<Listener> => {
  const stop = new AbortController();
  const response = await fetch(url, {
    signal: stop.signal,
    headers: lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) },
  });
  if (response.body === null || response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  const heard: Heard[] = [];
  const waiting = new Set<() => void>();
  const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      heard.push(...blocks.flatMap((block) => parse(block) ?? []));
      for (const look of waiting) look();
    }
  };
  const ended = read(response.body).catch(() => undefined);
  return {
    headers: response.headers,
    heard,
    ended,
    until: (matches) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = heard.find(matches);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
    },
  };
};
