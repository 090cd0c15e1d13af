// One load on one peer, with what the kernel says of the peer meanwhile and an audit of what it kept.
import { type AuditResult, auditLoad, longestPause } from "./audit.ts";
import { watchLive } from "./live.ts";
import { type LoadPhase, type LoadResult, startLoad } from "./load.ts";
import { cpuByThread, cpuSeconds, residentBytes } from "./machine.ts";
import type { Peer, PeerName } from "./peers.ts";

export interface Measured extends LoadResult {
  readonly peer: PeerName;
  /** Cores the peer used while measured, InfluxDB itself not included. */
  readonly cpuCores: number;
  /** The same by thread name. */
  readonly threadCores: Readonly<Record<string, number>>;
  /** Resident memory, MB of 10^6 bytes: before the first connection, when all stood, when measuring began, at its end. */
  readonly idleMb: number;
  readonly connectedMb: number;
  readonly warmMb: number;
  readonly endMb: number;
  /** Longest pause of the product's broker thread while measured, ms; null without a product. */
  readonly pauseMs: number | null;
  readonly audit: AuditResult | null;
  /** Publish to live stream of one site; null without a product or when nothing came. */
  readonly liveP95Ms: number | null;
}

interface Sample {
  readonly cpuS: number;
  readonly threads: ReadonlyMap<string, number>;
  readonly at: number;
  readonly wall: number;
  readonly mb: number;
}

const auditedDevices = 20;

export async function measure(
  peer: Peer,
  options: Readonly<Record<string, string | number | true>>,
): Promise<Measured> {
  const sample = async (): Promise<Sample> => {
    const [cpuS, threads, bytes] = await Promise.all([
      cpuSeconds(peer.pid),
      cpuByThread(peer.pid),
      residentBytes(peer.pid),
    ]);
    return { cpuS, threads, at: performance.now(), wall: Date.now(), mb: Math.round(bytes / 1e6) };
  };
  const idle = await sample();
  const samples = new Map<LoadPhase, Promise<Sample>>();
  const live = peer.product ? watchLive(peer.product.url, "sim-1") : null;
  const load = startLoad({ ...options, port: peer.port }, (phase) => samples.set(phase, sample()));
  try {
    const result = await load.result;
    const at = (phase: LoadPhase) => samples.get(phase) ?? idle;
    const [connected, from, to] = await Promise.all([at("connected"), at("measure"), at("measured")]);
    const cores = (before: number, after: number) => Number((((after - before) * 1000) / (to.at - from.at)).toFixed(2));
    process.stderr.write(
      `bench: ${peer.name} acknowledged ${result.acknowledgedPerS}/s, p99 ${result.p99Ms} ms; auditing\n`,
    );
    const journal = await load.journal();
    const audit = peer.product ? await auditLoad(peer.product.url, journal, auditedDevices) : null;
    const pauseMs = peer.product ? await longestPause(peer.product.url, from.wall, to.wall) : null;
    return {
      peer: peer.name,
      ...result,
      cpuCores: cores(from.cpuS, to.cpuS),
      threadCores: Object.fromEntries(
        [...to.threads].map(([name, used]) => [name, cores(from.threads.get(name) ?? 0, used)]),
      ),
      idleMb: idle.mb,
      connectedMb: connected.mb,
      warmMb: from.mb,
      endMb: to.mb,
      pauseMs,
      audit,
      liveP95Ms: live?.percentile(0.95) ?? null,
    };
  } finally {
    load.end();
    live?.end();
  }
}
