import fc from "fast-check";
import mqttPacket from "mqtt-packet";
import { expect, test } from "vitest";
import { compareNumbers } from "./audit.ts";
import { createHistogram } from "./histogram.ts";
import { createRing, estateDevices, numberOf } from "./packets.ts";

test("a percentile is at most one bucket above the true one, and never above the longest", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.002, max: 1e6, noNaN: true }), { minLength: 1 }), (latencies) => {
      const histogram = createHistogram();
      for (const ms of latencies) histogram.add(ms);
      const sorted = latencies.toSorted((a, b) => a - b);
      for (const share of [0.5, 0.99, 1]) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
        const found = histogram.percentile(share) ?? Number.NaN;
        expect(found).toBeGreaterThanOrEqual(exact * 0.999);
        expect(found).toBeLessThanOrEqual(Math.min(exact * 1.02, sorted.at(-1) ?? 0));
      }
    }),
  );
});

test("a stamped packet is valid MQTT with six values, its moment and the next number of its device", () => {
  const devices = estateDevices("sim-1", 2);
  const ring = createRing(devices, {
    qos: 1,
    leastSlots: 8,
    numbers: new Int32Array(devices.length).fill(41),
    lastTs: new Float64Array(devices.length),
  });
  expect(ring.slots).toBe(8);
  const now = Date.UTC(2026, 10, 21);
  const seen: { topic: string; messageId: number | undefined; body: Record<string, number> }[] = [];
  const parser = mqttPacket.parser();
  parser.on("packet", (packet) => {
    if (packet.cmd === "publish")
      seen.push({ topic: packet.topic, messageId: packet.messageId, body: JSON.parse(packet.payload.toString()) });
  });
  for (let slot = 0; slot < ring.slots; slot++) ring.stamp(slot, now);
  parser.parse(Buffer.from(ring.slice(0, ring.slots)));
  expect(seen.map(({ topic }) => topic.split("/")[2])).toEqual([
    ...["r-1", "r-2", "cooling-1", "grid-1"],
    ...["r-1", "r-2", "cooling-1", "grid-1"],
  ]);
  expect(seen.map(({ messageId }) => messageId)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(seen.map(({ body }) => numberOf(body.voltage_l1_v ?? 0))).toEqual([41, 41, 41, 41, 42, 42, 42, 42]);
  expect(seen[0]?.body).toMatchObject({ ts: now, power_w: 4000, power_factor: 0.98, inlet_c: 24 });
  // The same moment again would be a correction of the first.
  expect(seen[4]?.body.ts).toBe(now + 1);
  expect(Object.keys(seen[0]?.body ?? {})).toHaveLength(7);
});

test("the audit tells lost, twice and never sent apart", () => {
  const entry = { first: 10, sent: 5, acked: 3 };
  expect(compareNumbers(entry, [10, 11, 12])).toEqual({ lost: 0, duplicates: 0, invented: 0 });
  expect(compareNumbers(entry, [10, 11, 12, 14])).toEqual({ lost: 0, duplicates: 0, invented: 0 });
  expect(compareNumbers(entry, [10, 12])).toEqual({ lost: 1, duplicates: 0, invented: 0 });
  expect(compareNumbers(entry, [10, 11, 11, 12])).toEqual({ lost: 0, duplicates: 1, invented: 0 });
  expect(compareNumbers(entry, [10, 11, 12, 15, Number.NaN])).toEqual({ lost: 0, duplicates: 0, invented: 2 });
});
