// Clients that mean harm or are broken, over bare sockets.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { generate } from "mqtt-packet";

const connectPacket = (clientId: string): Buffer =>
  generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId, clean: true, keepalive: 600 });

const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
};

const login = async (port: number, clientId: string): Promise<Socket> => {
  const socket = await open(port);
  socket.write(connectPacket(clientId));
  await Promise.race([once(socket, "data"), once(socket, "close")]);
  return socket;
};

/** Subscribes to everything of a site and then reads nothing more. Resolves when the broker cut it; `end` gives up. */
export async function sleepingSubscriber(
  port: number,
  filter: string,
): Promise<{ cut: () => boolean; end: () => void }> {
  const socket = await login(port, "bench-sleeper");
  socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] }));
  await Promise.race([once(socket, "data"), once(socket, "close")]);
  let cut = false;
  socket.pause();
  // A paused socket does not see its end, but a write into it does.
  const probe = setInterval(() => socket.write(generate({ cmd: "pingreq" })), 200);
  socket.on("close", () => {
    cut = true;
    clearInterval(probe);
  });
  return {
    cut: () => cut,
    end: () => {
      clearInterval(probe);
      socket.destroy();
    },
  };
}

const publish = (topic: string): Buffer =>
  generate({ cmd: "publish", topic, payload: "{}", qos: 1, messageId: 1, dup: false, retain: false });

/** Each is sent after CONNECT where the first word says so, or instead of it. */
const packets: readonly (readonly ["after" | "first", string, Buffer])[] = [
  ["first", "nothing but zeros", Buffer.alloc(512)],
  ["first", "length of 256 MB", Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
  ["first", "length of five bytes", Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01])],
  ["first", "HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
  ["first", "TLS", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])],
  ["first", "half a CONNECT", connectPacket("half").subarray(0, 9)],
  ["first", "PUBLISH", publish("dc/sim-1/r-1/telemetry")],
  ["after", "second CONNECT", connectPacket("again")],
  ["after", "length of 256 MB", Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])],
  ["after", "packet id 0", Buffer.from([0x32, 0x05, 0x00, 0x01, 0x61, 0x00, 0x00])],
  ["after", "QoS 3", Buffer.from([0x36, 0x05, 0x00, 0x01, 0x61, 0x00, 0x01])],
  ["after", "topic with U+0000", Buffer.from([0x30, 0x03, 0x00, 0x01, 0x00])],
  ["after", "topic that is no UTF-8", Buffer.from([0x30, 0x04, 0x00, 0x02, 0xc3, 0x28])],
  ["after", "topic longer than its packet", Buffer.from([0x30, 0x03, 0xff, 0xff, 0x61])],
  ["after", "topic of __proto__", publish("dc/__proto__/constructor/telemetry")],
  ["after", "two hundred levels", publish(Array(200).fill("a").join("/"))],
  ["after", "SUBSCRIBE of nothing", Buffer.from([0x82, 0x02, 0x00, 0x01])],
  ["after", "packet type 15", Buffer.from([0xf0, 0x00])],
];

/** Sends every hostile packet on a connection of its own; resolves when all were let go of. */
export async function sendHostilePackets(port: number): Promise<number> {
  for (const [when, , bytes] of packets) {
    const socket = when === "after" ? await login(port, "bench-hostile") : await open(port);
    socket.write(bytes);
    await Promise.race([once(socket, "close"), wait(20)]);
    socket.destroy();
  }
  return packets.length;
}

export interface Flood {
  readonly end: () => Promise<number>;
}

/** One client that sends PINGREQ after PINGREQ as fast as its socket takes them; `end` gives how many. */
export async function floodFrames(port: number): Promise<Flood> {
  const socket = await login(port, "bench-flood");
  const block = Buffer.concat(Array.from({ length: 512 }, () => generate({ cmd: "pingreq" })));
  let running = true;
  let frames = 0;
  socket.resume();
  const done = (async () => {
    while (running && !socket.destroyed) {
      frames += block.length / 2;
      if (!socket.write(block)) await Promise.race([once(socket, "drain"), once(socket, "close"), wait(1000)]);
      // A flood from one wire, not a second load on our two cores.
      await wait(5);
    }
  })();
  return {
    end: async () => {
      running = false;
      await done;
      socket.destroy();
      return frames;
    },
  };
}

/** Sockets that say nearly all of a CONNECT and stop there. */
export async function openHalfway(port: number, count: number, bytes: number): Promise<readonly Socket[]> {
  // CONNECT of 65,000 bytes; the body never ends.
  const start = Buffer.concat([
    Buffer.from([0x10, 0xe8, 0xfb, 0x03]),
    connectPacket("x").subarray(2),
    Buffer.alloc(bytes),
  ]);
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = await open(port);
      socket.write(start);
      return socket;
    }),
  );
}
