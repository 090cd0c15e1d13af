import { expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { halfConnected, hostilePackets } from "./fault-clients.ts";
import { diskFull, fileLimit } from "./fault-disk.ts";
import { storeFaults } from "./fault-store.ts";
import { clockJump, walCut } from "./fault-time.ts";

// Short forms of npm run audit:faults: what is lost or falls over shows here, what is slow only there.
const survives = (name: string, fault: Fault | undefined) =>
  test(name, { timeout: 480_000 }, async ({ skip }) => {
    const verdict = await fault?.run(true);
    skip(verdict?.outcome === "skipped", `SKIPPED: ${verdict?.figures.why}`);
    expect(verdict).toMatchObject({ outcome: "passed" });
  });

const root = process.platform === "linux" && process.getuid?.() === 0;
survives(
  "a full disk is said, acknowledges nothing it cannot keep, and is over when there is room",
  root ? diskFull : fileLimit,
);
survives(
  "a line that InfluxDB refuses goes to the dead letters, its neighbours to InfluxDB",
  storeFaults.find(({ name }) => name.includes("400")),
);
survives("hostile packets harm only who sends them", hostilePackets);
survives("sockets that never finish CONNECT are let go of", halfConnected);
survives("a wall clock that is set loses nothing", clockJump);
survives("a write-ahead log cut anywhere opens, with a beginning of what was written", walCut);
