/** What a stage wants told over MQTT. */
export interface Notice {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

export interface Outbox {
  readonly publish: (notice: Notice) => void;
  /** The broker is up: what waits goes now. */
  readonly open: (send: (notice: Notice) => void) => void;
  /** The broker is about to stop: notices wait again. */
  readonly close: () => void;
}

/**
 * Keeps the newest notice of each topic until the broker is up, then passes everything straight on: energy and rules
 * start before the broker and must not wait for it.
 */
export function createOutbox(): Outbox {
  const waiting = new Map<string, Notice>();
  let send: ((notice: Notice) => void) | null = null;
  return {
    publish: (notice) => {
      if (send) send(notice);
      else waiting.set(notice.topic, notice);
    },
    open: (broker) => {
      send = broker;
      for (const notice of waiting.values()) broker(notice);
      waiting.clear();
    },
    close: () => {
      send = null;
    },
  };
}
