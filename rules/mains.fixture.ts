import type { SiteModel } from "#energy";
import { type Reading, timestamp } from "#store";
import { siteOf } from "./specimen.ts";

// A mains failure of a hall, second by second as its devices would tell it: 400 racks on two feeds, a UPS, a generator.

const begin = Date.UTC(2026, 10, 23, 8);
const racks = Array.from({ length: 400 }, (_, index) => `r-${String(index).padStart(3, "0")}`);

/** Seconds after the beginning. */
export const failure = { lost: 60, running: 72, carrying: 85, end: 900 } as const;
export const failedAt = begin + failure.lost * 1000;

export const hall = (): SiteModel =>
  siteOf({
    id: "hall",
    devices: racks,
    intervalMs: 10_000,
    nodes: [
      { id: "feed-a", kind: "grid", ratingW: 2e6, capacityWh: null },
      { id: "feed-b", kind: "grid", ratingW: 2e6, capacityWh: null },
      { id: "ups", kind: "ups", ratingW: 2e6, capacityWh: null },
      { id: "gen", kind: "genset", ratingW: 2e6, capacityWh: null },
    ],
  });

/** Every fourth rack falls silent with its switch; the inlets of the others rise while the chillers restart. */
export const recording = (): readonly Reading[] => {
  const readings: Reading[] = [];
  const say = (second: number, device: string, quantities: Record<string, number>): void => {
    const at = timestamp(begin + second * 1000);
    readings.push({ site: "hall", device, ts: at, received: at, quantities, flags: [] });
  };
  for (let second = 0; second <= failure.end; second++) {
    const isLost = second >= failure.lost;
    const carries = second >= failure.carrying;
    if (second % 10 === 0 || second === failure.lost) {
      for (const feed of ["feed-a", "feed-b"])
        say(second, feed, {
          power_w: isLost ? 0 : 600_000,
          mains_present: isLost ? 0 : 1,
          frequency_hz: isLost ? 48 : 50,
        });
      say(second, "ups", { power_w: 1_200_000, ups_on_battery: isLost && !carries ? 1 : 0 });
      say(second, "gen", { power_w: carries ? 1_200_000 : 0, genset_running: second >= failure.running ? 1 : 0 });
    }
    for (const [index, rack] of racks.entries()) {
      if (second % 10 !== index % 10 || (isLost && index % 4 === 0)) continue;
      const warm = isLost ? Math.min(12, (second - failure.lost) / 30) : 0;
      say(second, rack, { power_w: 3000, inlet_c: 24 + warm });
    }
  }
  return readings;
};
