// The load, as a process of its own.
import { writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { openCommand } from "../command.ts";
import { type Connection, openConnection } from "./connection.ts";
import { createHistogram } from "./histogram.ts";
import { createRing, type Device, estateDevices, mostNumbers } from "./packets.ts";

const usage = `usage: node deploy/bench/generator.ts --port <port> [--sites 25] [--racks 400] [--connections 64] [--seconds 20] [--rate 1000] …
  Without --rate every connection keeps its window full. With it, message k is meant for start + k / rate, and its
  latency counts from then: a broker that stalls is charged for all who had to wait, not only for the one in its way.
One JSON line on standard output at the end; phases on standard error, for the one who measures CPU meanwhile.`;

const { values, refuse } = openCommand({
  usage,
  needs: ["port"],
  options: {
    port: { type: "string" },
    sites: { type: "string", default: "25" },
    "first-site": { type: "string", default: "1" },
    racks: { type: "string", default: "400" },
    connections: { type: "string", default: "64" },
    window: { type: "string", default: "100" },
    burst: { type: "string", default: "32" },
    qos: { type: "string", default: "1" },
    rate: { type: "string", default: "0" },
    seconds: { type: "string", default: "20" },
    "warm-s": { type: "string", default: "3" },
    "drain-s": { type: "string", default: "15" },
    "first-number": { type: "string", default: "0" },
    storm: { type: "boolean", default: false },
    journal: { type: "string" },
  },
});
const number = (name: keyof typeof values, least: number): number => {
  const value = Number(values[name] ?? Number.NaN);
  return Number.isFinite(value) && value >= least
    ? value
    : refuse(`--${name} must be a number of at least ${least}, got "${values[name]}"`);
};

const port = number("port", 1);
const connectionCount = number("connections", 1);
const burst = number("burst", 1);
const perWindow = number("window", 1);
const rate = number("rate", 0);
const warmMs = number("warm-s", 0) * 1000;
let runMs = warmMs + number("seconds", 0.01) * 1000;
const firstNumber = number("first-number", 0);
const qos = number("qos", 0) === 0 ? 0 : 1;
const firstSite = number("first-site", 1);
// A gateway that cannot get through tries for this long.
const connectWithinMs = 60_000;
// After the last message, for acknowledgements that are late.
const drainMs = number("drain-s", 0) * 1000;

const devices = Array.from({ length: number("sites", 1) }, (_, site) =>
  estateDevices(`sim-${firstSite + site}`, number("racks", 1)),
).flat();
if (devices.length < connectionCount) {
  process.stderr.write(`generator: ${connectionCount} connections need at least as many devices\n`);
  process.exit(1);
}

const phase = (event: string, facts: object = {}): void => {
  process.stderr.write(`${JSON.stringify({ event, ...facts })}\n`);
};
const clock = () => performance.now();

interface Line {
  readonly devices: readonly Device[];
  readonly numbers: Int32Array;
  readonly acked: Int32Array;
  readonly ring: ReturnType<typeof createRing>;
  connection: Connection | null;
}

const lines: Line[] = Array.from({ length: connectionCount }, (_, index) => {
  const from = Math.floor((index * devices.length) / connectionCount);
  const to = Math.floor(((index + 1) * devices.length) / connectionCount);
  const own = devices.slice(from, to);
  const numbers = new Int32Array(own.length).fill(firstNumber);
  const lastTs = new Float64Array(own.length);
  // Twice the window: a packet is not patched while its last bytes may still wait for the socket.
  const ring = createRing(own, { qos, leastSlots: 2 * perWindow, numbers, lastTs });
  return { devices: own, numbers, acked: new Int32Array(own.length), ring, connection: null };
});

const histogram = createHistogram();
let sent = 0;
let acknowledged = 0;
let measuredSent = 0;
let measuredAcks = 0;
let measureFrom = Number.POSITIVE_INFINITY;
let measureTo = Number.POSITIVE_INFINITY;
let sending = false;
let closed = 0;
let disordered = 0;
let retries = 0;
let lost = false;
let onLost = (): void => undefined;

function fill(connection: Connection): void {
  // A few large writes cost less than many small ones.
  while (sending && perWindow - connection.inflight >= Math.min(burst, perWindow)) {
    const at = clock();
    const count = connection.send(burst, Date.now(), () => at);
    if (count === 0) return;
    sent += count;
    if (at >= measureFrom && at < measureTo) measuredSent += count;
  }
}

async function openLine(line: Line, index: number): Promise<void> {
  const until = clock() + connectWithinMs;
  for (;;) {
    try {
      line.connection = await openConnection({
        port,
        clientId: `bench-${process.pid}-${index}`,
        qos,
        ring: line.ring,
        window: perWindow,
        clock,
        onAck(device, sentAt, at) {
          acknowledged += 1;
          line.acked[device] = (line.acked[device] ?? 0) + 1;
          if (at < measureFrom || at >= measureTo) return;
          measuredAcks += 1;
          histogram.add(at - sentAt);
        },
        onRoom: (connection) => {
          if (rate === 0) fill(connection);
        },
        onClose: (connection) => {
          if (line.connection !== connection) return;
          closed += 1;
          lost = true;
          onLost();
        },
      });
      return;
    } catch (error) {
      if (clock() > until) throw error;
      retries += 1;
      // Client libraries wait a second or more before they come again.
      await wait(500 + Math.random() * 1000);
    }
  }
}

const openAll = async (): Promise<number> => {
  const started = clock();
  await Promise.all(lines.map(openLine));
  return clock() - started;
};

/** Open loop: what is due goes out, connection after connection, each in one write. */
async function offer(from: number): Promise<void> {
  let turn = 0;
  let due = 0;
  let given = 0;
  const gone = Promise.withResolvers<void>();
  onLost = gone.resolve;
  while (sending) {
    const at = clock();
    due = Math.floor(((Math.min(at, from + runMs) - from) * rate) / 1000);
    const now = Date.now();
    // One round over all connections at most: when every window is full the rest is late, and is charged for it.
    for (let tried = 0; given < due && tried < lines.length; tried++) {
      const line = lines[turn];
      turn = (turn + 1) % lines.length;
      const first = given;
      const count =
        line?.connection?.send(Math.min(burst, due - given), now, (index) => from + ((first + index) * 1000) / rate) ??
        0;
      given += count;
      sent += count;
      if (at >= measureFrom && at < measureTo) measuredSent += count;
    }
    if (at >= from + runMs && given >= due) return;
    if (at >= from + runMs + drainMs || lost) return;
    await wait(1);
  }
}

async function drained(): Promise<boolean> {
  const until = clock() + drainMs;
  while (clock() < until && !lost) {
    if (qos === 0 || lines.every(({ connection }) => (connection?.inflight ?? 0) === 0)) return true;
    await wait(5);
  }
  return false;
}

function closeAll(): void {
  for (const line of lines) {
    const { connection } = line;
    line.connection = null;
    disordered += connection?.disordered ?? 0;
    connection?.destroy();
  }
}

const connectMs = await openAll();
phase("connected", { connections: connectionCount, connectMs: Math.round(connectMs), retries });

const started = clock();
measureFrom = started + warmMs;
measureTo = started + runMs;
// Told to stop: as if the seconds were over now.
process.once("SIGTERM", () => {
  runMs = Math.min(runMs, clock() - started);
  measureTo = started + runMs;
  onLost();
});
sending = true;
const tell = [setTimeout(() => phase("measure"), warmMs), setTimeout(() => phase("measured"), runMs)];
const cpuBefore = process.cpuUsage();
if (rate > 0) await offer(started);
else {
  const over = Promise.withResolvers<void>();
  onLost = over.resolve;
  const end = setTimeout(over.resolve, runMs);
  for (const { connection } of lines) if (connection) fill(connection);
  // QoS 0 hears nothing back: the clock drives it.
  while (qos === 0 && clock() < started + runMs && !lost) {
    for (const { connection } of lines) connection && fill(connection);
    await wait(0);
  }
  await over.promise;
  clearTimeout(end);
}
sending = false;
const ended = clock();
const cpu = process.cpuUsage(cpuBefore);
const all = await drained();
for (const timer of tell) clearTimeout(timer);

let stormMs: number | null = null;
if (values.storm && !lost) {
  closeAll();
  const before = clock();
  retries = 0;
  const acksBefore = acknowledged;
  await openAll();
  for (const { connection } of lines) if (connection) sent += connection.send(1, Date.now(), clock);
  while (acknowledged - acksBefore < lines.length && clock() - before < connectWithinMs) await wait(5);
  stormMs = Math.round(clock() - before);
}
closeAll();

if (values.journal !== undefined) {
  const journal = lines.flatMap((line) =>
    line.devices.map(({ site, device }, index) => ({
      site,
      device,
      first: firstNumber,
      sent: (line.numbers[index] ?? 0) - firstNumber,
      acked: line.acked[index] ?? 0,
    })),
  );
  await writeFile(values.journal, JSON.stringify(journal));
}
const most = lines.reduce((found, { numbers }) => Math.max(found, ...numbers.slice(0, 1)), 0);
if (most >= mostNumbers) process.stderr.write("generator: numbers ran over, the audit is void\n");

const round = (value: number | null): number | null => (value === null ? null : Number(value.toFixed(2)));
const measuredS = Math.max(0.001, (Math.min(ended, measureTo) - measureFrom) / 1000);
process.stdout.write(
  `${JSON.stringify({
    qos,
    devices: devices.length,
    connections: connectionCount,
    window: perWindow,
    offeredPerS: rate === 0 ? null : rate,
    seconds: round(measuredS),
    sent,
    acknowledged,
    sentPerS: Math.round(measuredSent / measuredS),
    acknowledgedPerS: Math.round(measuredAcks / measuredS),
    p50Ms: round(histogram.percentile(0.5)),
    p99Ms: round(histogram.percentile(0.99)),
    p999Ms: round(histogram.percentile(0.999)),
    maxMs: round(histogram.maxMs),
    connectMs: Math.round(connectMs),
    stormMs,
    closed,
    disordered,
    drained: all,
    generatorCpu: round((cpu.user + cpu.system) / 1e6 / ((ended - started) / 1000)),
  })}\n`,
);
