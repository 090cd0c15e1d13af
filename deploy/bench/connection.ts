// One MQTT connection over a bare socket: CONNECT, then slices of ready packets out and PUBACKs of four bytes in.
import { connect, type Socket } from "node:net";
import { generate } from "mqtt-packet";
import type { Ring } from "./packets.ts";

const connackBytes = 4;
const readBytes = 65_536;

export interface Connection {
  /** Messages sent and not acknowledged. */
  readonly inflight: number;
  readonly open: boolean;
  /** Acknowledgements that came in another order than the messages went. */
  readonly disordered: number;
  /** Sends at most `most` messages of this moment in one write, as far as window and ring go; returns how many. */
  send(most: number, now: number, sentAt: (index: number) => number): number;
  destroy(): void;
}

export interface ConnectionParts {
  readonly port: number;
  readonly clientId: string;
  readonly qos: 0 | 1;
  readonly ring: Ring;
  readonly window: number;
  /** Of the message of this device, by the connection's own index, sent or meant to be sent at `sentAt`. */
  readonly onAck: (device: number, sentAt: number, at: number) => void;
  /** After the acknowledgements of one read. */
  readonly onRoom: (connection: Connection) => void;
  readonly onClose: (connection: Connection) => void;
  readonly clock: () => number;
}

/** Resolves when the broker said yes; rejects when it said no or the socket closed. */
export function openConnection(parts: ConnectionParts): Promise<Connection> {
  const { ring } = parts;
  const sent = new Float64Array(ring.slots);
  const deviceOf = new Int32Array(ring.slots);
  const buffer = Buffer.allocUnsafe(readBytes);
  const ready = Promise.withResolvers<Connection>();
  let open = false;
  let next = 0;
  let inflight = 0;
  let nextAck = 0;
  let disordered = 0;
  // Bytes of a packet that is not whole yet.
  let type = -1;
  let place = 0;
  let id = 0;

  const take = (length: number): void => {
    const at = parts.clock();
    for (let index = 0; index < length; index++) {
      const byte = buffer[index] ?? 0;
      if (place === 0) type = byte;
      else if (place === 2) id = byte << 8;
      else if (place === 3) id |= byte;
      place += 1;
      if (place < connackBytes) continue;
      place = 0;
      if (type === 0x40) {
        inflight -= 1;
        if (id - 1 !== nextAck) disordered += 1;
        nextAck = id % ring.slots;
        parts.onAck(deviceOf[id - 1] ?? 0, sent[id - 1] ?? 0, at);
      } else if (type === 0x20 && id === 0) {
        open = true;
        ready.resolve(connection);
      } else {
        socket.destroy(new Error(`the broker answered packet ${type} with code ${id}`));
        return;
      }
    }
    if (open) parts.onRoom(connection);
  };

  const socket: Socket = connect({
    port: parts.port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer,
      callback: (length) => {
        take(length);
        return true;
      },
    },
  });
  socket.on("connect", () => {
    socket.write(
      generate({
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 4,
        clientId: parts.clientId,
        clean: true,
        keepalive: 600,
      }),
    );
  });
  let trouble: Error | null = null;
  socket.on("error", (error) => {
    trouble = error;
  });
  socket.on("close", () => {
    open = false;
    ready.reject(trouble ?? new Error("the broker closed the connection"));
    parts.onClose(connection);
  });

  const connection: Connection = {
    get inflight() {
      return inflight;
    },
    get open() {
      return open;
    },
    get disordered() {
      return disordered;
    },
    send(most, now, sentAt) {
      // QoS 0 has no acknowledgement: the socket's own buffer is the window.
      const room = parts.qos === 1 ? parts.window - inflight : socket.writableNeedDrain ? 0 : parts.window;
      const count = Math.min(most, room, ring.slots - next);
      if (count <= 0 || !open) return 0;
      for (let index = 0; index < count; index++) {
        const slot = next + index;
        deviceOf[slot] = ring.stamp(slot, now);
        sent[slot] = sentAt(index);
      }
      socket.write(ring.slice(next, next + count));
      next = (next + count) % ring.slots;
      if (parts.qos === 1) inflight += count;
      return count;
    },
    destroy: () => socket.destroy(),
  };
  return ready.promise;
}
