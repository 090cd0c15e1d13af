import type { InboundMessage } from "#broker";

/** One QoS 1 message that the broker still waits for. */
export interface Receipt {
  readonly id: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  state: "open" | "stored";
  /** The connection that wants to hear of it. */
  connection: number;
}

export interface Receipts {
  /**
   * A message came. Null when it is a repetition of one that is on its way or stored already: it is not taken again, but
   * acknowledged when its turn comes.
   */
  take(id: number, sent: "first" | "again", message: Pick<InboundMessage, "topic" | "payload">): Receipt | null;
  stored(receipt: Receipt): void;
  /** A connection begins: what comes now is acknowledged there. A session that was lost leaves nothing to repeat. */
  connected(session: "resumed" | "new", acknowledge: (id: number) => void): void;
}

/**
 * Acknowledges in the order of arrival [MQTT-4.6.0-2], each on the connection that brought it. What a lost connection
 * left unacknowledged is remembered: the broker sends it again under the same id.
 */
export const createReceipts = (): Receipts => {
  const byId = new Map<number, Receipt>();
  let connection = 0;
  let line: Receipt[] = [];
  let acknowledge = (_id: number): void => undefined;

  const settle = (): void => {
    const open = line.findIndex(({ state }) => state === "open");
    for (const receipt of line.splice(0, open === -1 ? line.length : open)) {
      if (byId.get(receipt.id) === receipt) byId.delete(receipt.id);
      acknowledge(receipt.id);
    }
  };

  return {
    take(id, sent, { topic, payload }) {
      const known = byId.get(id);
      if (known !== undefined && sent === "again" && known.topic === topic && equal(known.payload, payload)) {
        if (known.connection !== connection) line.push(known);
        known.connection = connection;
        settle();
        return null;
      }
      const receipt: Receipt = { id, topic, payload, state: "open", connection };
      byId.set(id, receipt);
      line.push(receipt);
      return receipt;
    },
    stored(receipt) {
      receipt.state = "stored";
      if (receipt.connection === connection) settle();
    },
    connected(session, write) {
      connection += 1;
      line = [];
      acknowledge = write;
      if (session === "new") byId.clear();
    },
  };
};

const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
