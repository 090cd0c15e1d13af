// An InfluxDB that is killed now and then in a crash audit, and is away while the product starts again.
import { setTimeout as wait } from "node:timers/promises";
import { startInfluxd } from "../../store/influx/influxd.ts";
import type { CrashOptions } from "./crash-audit.ts";
import { storeHealth, until } from "./fault.ts";

export interface InfluxHarm extends AsyncDisposable, Required<Pick<CrashOptions, "harm" | "settle">> {
  readonly url: string;
  readonly kills: () => number;
}

const shareOfRounds = 0.5;
const sentWithinMs = 120_000;

export async function startInfluxHarm(random: () => number): Promise<InfluxHarm> {
  const influxd = await startInfluxd();
  let kills = 0;
  let state: "up" | "down" = "up";
  return {
    url: influxd.url("wattlas"),
    kills: () => kills,
    harm: async (_, killedAfterMs) => {
      if (random() >= shareOfRounds) return;
      await wait(random() * killedAfterMs);
      await influxd.stop("SIGKILL");
      state = "down";
      kills += 1;
      // In half of these it is there again before the product dies, and is then written to as it does.
      if (random() < 0.5) return;
      await influxd.start();
      state = "up";
    },
    // All of it read from the server: nothing waits in the spool any more.
    settle: async (product) => {
      if (state === "down") await influxd.start();
      state = "up";
      if (!(await until(async () => (await storeHealth(product)).pendingReadings === 0, sentWithinMs)))
        throw new Error(`the spool is not sent after ${sentWithinMs} ms`);
    },
    [Symbol.asyncDispose]: () => influxd[Symbol.asyncDispose](),
  };
}
