// npm run bench:ingest -- --mode rate
import { influxdIsThere } from "../../store/influx/influxd.ts";
import { openCommand } from "../command.ts";
import { machine } from "./machine.ts";
import { type Measured, measure } from "./measure.ts";
import { type PeerName, peerNames, startPeer } from "./peers.ts";
import type { Estate } from "./site.ts";

const modes = {
  saturate: { sites: 25, racks: 400, connections: 64, flags: {}, peers: peerNames },
  rate: { sites: 2, racks: 400, connections: 20, flags: { rate: 1000, burst: 4 }, peers: peerNames },
  devices: { sites: 864, racks: 400, connections: 128, flags: { rate: 34_560, "warm-s": 20 }, peers: ["sqlite"] },
  connections: {
    sites: 13,
    racks: 400,
    connections: 5000,
    flags: { rate: 500, burst: 1, window: 1, "warm-s": 2, storm: true },
    peers: ["sqlite"],
  },
} as const satisfies Record<string, Estate & { connections: number; flags: object; peers: readonly PeerName[] }>;

const usage = `usage: npm run bench:ingest -- [--mode saturate|rate|devices|connections|away] [--only aedes,mosquitto,sqlite,influx] [--seconds 20] …
  saturate     every connection keeps its window full: the most each peer acknowledges
  rate         an offered rate (--rate 1000), latency counted from the intended moment, live stream watched
  devices      345,600 devices of 864 modelled sites at 34,560 messages/s
  connections  5,000 connections publishing once in 10 s, then all of them coming back at once
  away         InfluxDB killed for --away seconds at --rate messages/s: what catching up takes, and an audit
  --profile    a folder for CPU profiles of the product's threads
Peers run one after the other on the same machine as the generator. A table, then one JSON line.`;

const { values, refuse } = openCommand({
  usage,
  options: {
    mode: { type: "string", default: "saturate" },
    only: { type: "string" },
    seconds: { type: "string", default: "20" },
    "warm-s": { type: "string" },
    rate: { type: "string" },
    sites: { type: "string" },
    racks: { type: "string" },
    connections: { type: "string" },
    window: { type: "string" },
    burst: { type: "string" },
    qos: { type: "string" },
    shadow: { type: "string", default: "off" },
    away: { type: "string", default: "60" },
    "bare-lines": { type: "string", default: "300000" },
    profile: { type: "string" },
  },
});
const fail = (text: string): never => {
  process.stderr.write(`bench: ${text}\n`);
  process.exit(1);
};
for (const name of ["seconds", "warm-s", "rate", "sites", "racks", "connections", "window", "burst", "qos"] as const)
  if (values[name] !== undefined && !(Number(values[name]) >= 0))
    refuse(`--${name} must be a number, got "${values[name]}"`);
const isMode = (text: string): text is keyof typeof modes => Object.hasOwn(modes, text);
const isPeer = (text: string): text is PeerName => peerNames.some((name) => name === text);

if (values.mode === "away") {
  const { isWholeAfter, measureAway } = await import("./away.ts");
  if (!influxdIsThere()) fail("mode away needs influxd");
  const away = await measureAway({
    estate: { sites: Number(values.sites ?? 25), racks: Number(values.racks ?? 400) },
    connections: Number(values.connections ?? 64),
    rate: Number(values.rate ?? 10_000),
    awayS: Number(values.away),
    bareLines: Number(values["bare-lines"]),
    say: (text) => process.stderr.write(`bench: ${text}\n`),
    ...(values.profile === undefined ? {} : { nodeOptions: `--cpu-prof --cpu-prof-dir=${values.profile}` }),
  });
  process.stdout.write(`${JSON.stringify({ mode: "away", machine: machine(), ...away }, null, 1)}\n`);
  process.exit(isWholeAfter(away) ? 0 : 1);
}
const mode = isMode(values.mode)
  ? modes[values.mode]
  : refuse(`--mode must be one of ${Object.keys(modes).join(", ")}, away, got "${values.mode}"`);
const only = values.only?.split(",") ?? mode.peers;
const peers = only.map((name) =>
  isPeer(name) ? name : refuse(`--only must name some of ${peerNames.join(", ")}, got "${name}"`),
);
const estate: Estate = { sites: Number(values.sites ?? mode.sites), racks: Number(values.racks ?? mode.racks) };
const own = Object.fromEntries(
  (["rate", "window", "burst", "qos", "warm-s"] as const).flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [[name, value]];
  }),
);
const flags = {
  connections: values.connections ?? mode.connections,
  seconds: values.seconds,
  ...mode.flags,
  ...own,
  sites: estate.sites,
  racks: estate.racks,
};
const extra: Record<string, string> = {
  // The rules that tell are on; --shadow on has those in shadow mode evaluated too.
  RULES_SHADOW: values.shadow,
  ...(values.profile === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${values.profile}` }),
};

interface Row extends Measured {
  /** From the start of the process until MQTT accepts; with the writing of the site files. */
  readonly startS: number;
}
const columns: readonly (readonly [title: string, cell: (row: Row) => string | number | null])[] = [
  ["peer", ({ peer }) => peer],
  ["offered/s", ({ offeredPerS }) => offeredPerS ?? "all it takes"],
  ["acknowledged/s", ({ acknowledgedPerS, sentPerS, qos }) => (qos === 1 ? acknowledgedPerS : sentPerS)],
  ["p50 ms", ({ p50Ms }) => p50Ms],
  ["p99 ms", ({ p99Ms }) => p99Ms],
  ["p99.9 ms", ({ p999Ms }) => p999Ms],
  ["max ms", ({ maxMs }) => maxMs],
  ["pause ms", ({ pauseMs }) => pauseMs],
  ["cores", ({ cpuCores }) => cpuCores],
  ["start s", ({ startS }) => startS],
  ["MB idle", ({ idleMb }) => idleMb],
  ["connected", ({ connectedMb }) => connectedMb],
  ["warm", ({ warmMb }) => warmMb],
  ["end", ({ endMb }) => endMb],
  ["lost", ({ audit }) => audit?.lost ?? null],
  ["twice", ({ audit }) => audit?.duplicates ?? null],
  ["live p95 ms", ({ liveP95Ms }) => (liveP95Ms === null ? null : Math.round(liveP95Ms))],
  ["storm ms", ({ stormMs }) => stormMs],
];
function table(rows: readonly Row[]): string {
  const lines = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, cell]) => String(cell(row) ?? "–"))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines.map((line) => line.map((text, at) => text.padStart(widths[at] ?? 0)).join("  ")).join("\n");
}

process.stdout.write(
  `${values.mode}: ${estate.sites} sites of ${estate.racks} racks, ${flags.connections} connections, ${values.seconds} s each, on ${machine()}\n`,
);
const rows: Row[] = [];
for (const name of peers) {
  const began = performance.now();
  await using peer = await startPeer(name, estate, extra);
  if (peer === null) continue;
  const startS = Number(((performance.now() - began) / 1000).toFixed(1));
  process.stderr.write(`bench: ${name} up after ${startS} s\n`);
  rows.push({ ...(await measure(peer, flags)), startS });
  const said = peer.product?.output().split("\n").slice(1).join("\n").trim();
  if (said) process.stderr.write(`bench: ${name} said:\n${said.slice(0, 2000)}\n`);
}
process.stdout.write(`${table(rows)}\n${JSON.stringify({ mode: values.mode, machine: machine(), rows })}\n`);
const broken = rows.some(({ audit }) => audit !== null && audit.lost + audit.duplicates + audit.invented > 0);
if (broken) process.exitCode = 1;
