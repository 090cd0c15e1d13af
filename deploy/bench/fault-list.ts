import type { Fault } from "./fault.ts";
import { frameFlood, halfConnected, hostilePackets, slowSubscriber } from "./fault-clients.ts";
import { diskFull, fileLimit } from "./fault-disk.ts";
import { storeFaults } from "./fault-store.ts";
import { clockJump, walCut } from "./fault-time.ts";

export const faults: readonly Fault[] = [
  diskFull,
  fileLimit,
  ...storeFaults,
  slowSubscriber,
  frameFlood,
  hostilePackets,
  halfConnected,
  clockJump,
  walCut,
];
