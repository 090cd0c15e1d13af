import { get } from "node:http";
import { createHistogram } from "./histogram.ts";

export interface LiveWatch {
  /** Reading's time to its first appearance in an event, ms; null when none came. */
  readonly percentile: (share: number) => number | null;
  readonly seen: number;
  readonly end: () => void;
}

interface NodeSeen {
  readonly id: string;
  readonly ts: number | null;
}

/** Listens to one site's live stream as a browser does. */
export function watchLive(url: string, site: string): LiveWatch {
  const histogram = createHistogram();
  const newest = new Map<string, number>();
  let rest = "";

  const take = (event: string): void => {
    if (!/^event: now$/m.test(event)) return;
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (data === undefined) return;
    const at = Date.now();
    const { nodes } = JSON.parse(data) as { readonly nodes: readonly NodeSeen[] };
    for (const { id, ts } of nodes) {
      if (ts === null || newest.get(id) === ts) continue;
      // What was there before we listened has no age to speak of.
      if (newest.has(id)) histogram.add(at - ts);
      newest.set(id, ts);
    }
  };

  const request = get(`${url}/api/v1/live?site=${site}`, (response) => {
    response.setEncoding("utf8").on("data", (chunk: string) => {
      const events = (rest + chunk).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) take(event);
    });
  });
  request.on("error", () => undefined);
  return {
    percentile: histogram.percentile,
    get seen() {
      return histogram.count;
    },
    end: () => request.destroy(),
  };
}
