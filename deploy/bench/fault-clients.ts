// One client sleeps, floods or lies; the others must not notice.
import { setTimeout as wait } from "node:timers/promises";
import { type Product, startProduct, temporaryFolder } from "../product.ts";
import { type Fault, judge, quiet, refused, until } from "./fault.ts";
import { floodFrames, openHalfway, sendHostilePackets, sleepingSubscriber } from "./hostile.ts";
import { type LoadResult, startLoad } from "./load.ts";
import { residentBytes } from "./machine.ts";

// Of the 99th percentile alone.
const most = 1.2;

interface Beside {
  readonly alone: readonly LoadResult[];
  readonly beside: readonly LoadResult[];
}

/** The same load in turns, alone and beside the harm: what the machine does meanwhile falls on both alike. */
async function beside(
  product: Product,
  { short, ...flags }: { readonly short: boolean; readonly rate: number; readonly seconds: number },
  harm: () => Promise<{ readonly end: () => Promise<unknown> }>,
): Promise<Beside> {
  const load = () => startLoad({ ...quiet, ...flags, "warm-s": 1, port: new URL(product.mqttUrl).port }).result;
  // The first one meets code that was never run.
  await load();
  const runs = { alone: [] as LoadResult[], beside: [] as LoadResult[] };
  for (let turn = short ? 1 : 5; turn > 0; turn -= 1) {
    runs.alone.push(await load());
    const harmful = await harm();
    runs.beside.push(await load());
    await harmful.end();
  }
  runs.alone.push(await load());
  return runs;
}

const median = (runs: readonly LoadResult[]): number => {
  const sorted = runs.map(({ p99Ms }) => p99Ms ?? Number.POSITIVE_INFINITY).toSorted((a, b) => a - b);
  const at = (index: number) => sorted[Math.floor(index)] ?? Number.POSITIVE_INFINITY;
  return Number(((at((sorted.length - 1) / 2) + at(sorted.length / 2)) / 2).toFixed(2));
};
const listed = (runs: readonly LoadResult[]): string => runs.map(({ p99Ms }) => p99Ms?.toFixed(1) ?? "none").join(" ");

const figuresOf = (runs: Beside) => {
  const [alone, p99] = [median(runs.alone), median(runs.beside)];
  return {
    whole: [...runs.alone, ...runs.beside].every(({ drained, closed }) => drained && closed === 0),
    unmoved: p99 <= most * alone,
    figures: {
      p99AloneMs: alone,
      p99BesideMs: p99,
      ratio: Number((p99 / alone).toFixed(2)),
      windowsAloneMs: listed(runs.alone),
      windowsBesideMs: listed(runs.beside),
    },
  };
};

const isAlive = async (product: Product): Promise<boolean> => (await fetch(`${product.url}/api/v1/health`)).ok;

export const slowSubscriber: Fault = {
  name: "subscriber that reads nothing",
  run: async (short) => {
    await using folder = await temporaryFolder();
    const product = await startProduct(folder.path, { DEPLOY_HEALTH_MS: "1000", DEPLOY_LOG: "silent" });
    try {
      const port = Number(new URL(product.mqttUrl).port);
      let sleeper: Awaited<ReturnType<typeof sleepingSubscriber>> | null = null;
      const runs = await beside(product, { short, rate: short ? 4000 : 8000, seconds: short ? 3 : 5 }, async () => {
        const own = await sleepingSubscriber(port, "dc/sim-1/#");
        sleeper = own;
        return { end: async () => own.end() };
      });
      const said = await until(async () => (await refused(product, "BROKER_SLOW_CONSUMER")) > 0, short ? 1000 : 5000);
      const { whole, unmoved, figures } = figuresOf(runs);
      // A short run does not fill the kernel's buffers, and a busy test machine is no place for a ratio.
      const passed = whole && sleeper !== null && (short || (unmoved && said));
      return judge(passed, { ...figures, cutAndCounted: `${said}` });
    } finally {
      await product.end("SIGTERM");
    }
  },
};

export const frameFlood: Fault = {
  name: "client that floods frames",
  run: async (short) => {
    await using folder = await temporaryFolder();
    const product = await startProduct(folder.path, { DEPLOY_LOG: "silent" });
    try {
      const port = Number(new URL(product.mqttUrl).port);
      let frames = 0;
      const runs = await beside(product, { short, rate: 1000, seconds: short ? 2 : 5 }, async () => {
        const flood = await floodFrames(port);
        return {
          end: async () => {
            frames += await flood.end();
          },
        };
      });
      const { whole, unmoved, figures } = figuresOf(runs);
      return judge(whole && (short || unmoved) && (await isAlive(product)), { ...figures, frames });
    } finally {
      await product.end("SIGTERM");
    }
  },
};

export const hostilePackets: Fault = {
  name: "hostile packets",
  run: async (short) => {
    await using folder = await temporaryFolder();
    const product = await startProduct(folder.path, { DEPLOY_LOG: "silent" });
    try {
      const port = Number(new URL(product.mqttUrl).port);
      let sent = 0;
      const runs = await beside(product, { short, rate: 1000, seconds: short ? 2 : 5 }, async () => {
        let running = true;
        const done = (async () => {
          while (running) sent += await sendHostilePackets(port);
        })();
        return {
          end: async () => {
            running = false;
            await done;
          },
        };
      });
      const { whole, unmoved, figures } = figuresOf(runs);
      return judge(whole && (short || unmoved) && sent > 0 && (await isAlive(product)), { ...figures, packets: sent });
    } finally {
      await product.end("SIGTERM");
    }
  },
};

const halfwayBytes = 60_000;
const bytesPerSocket = 128 * 1024;

export const halfConnected: Fault = {
  name: "sockets that never finish CONNECT",
  run: async (short) => {
    await using folder = await temporaryFolder();
    const count = short ? 200 : 1000;
    const product = await startProduct(folder.path, {
      DEPLOY_LOG: "silent",
      DEPLOY_HEALTH_MS: "1000",
      BROKER_CONNECT_TIMEOUT_MS: "5000",
    });
    try {
      const port = Number(new URL(product.mqttUrl).port);
      const before = await residentBytes(product.pid);
      const sockets = await openHalfway(port, count, halfwayBytes);
      await wait(1500);
      const each = Math.round(((await residentBytes(product.pid)) - before) / count);
      const cut = await until(
        async () => sockets.every(({ destroyed, readyState }) => destroyed || readyState !== "open"),
        60_000,
      );
      for (const socket of sockets) socket.destroy();
      return judge((short || each <= bytesPerSocket) && cut && (await isAlive(product)), {
        sockets: count,
        bytesPerSocket: each,
        allCut: `${cut}`,
      });
    } finally {
      await product.end("SIGTERM");
    }
  },
};
