import fc from "fast-check";
import { expect, test } from "vitest";
import type { Identity, InboundMessage } from "#broker";
import { createColumnBuilder, createNameBook, readingsOf } from "#store";
import { check, createReceiveClock } from "./check.ts";
import { createDialects } from "./decoders/dialects.ts";
import { createFastLane } from "./fast.ts";

const received = Date.UTC(2026, 10, 21);
const aheadMs = 3_600_000;
const identity: Identity = { user: "a", role: "gateway", site: null, device: null, clientId: "c", loopback: true };

const message = (payload: string, device = "r-1"): InboundMessage => ({
  topic: `dc/demo/${device}/telemetry`,
  address: { kind: "telemetry", site: "demo", device },
  payload: Buffer.from(payload),
  qos: 1,
  retain: false,
  identity,
  received,
});

const setUp = () => {
  const book = createNameBook();
  const columns = createColumnBuilder(book);
  const lane = createFastLane({ book, columns, clock: createReceiveClock(), aheadMs });
  return (one: InboundMessage) => (lane.take(one) ? readingsOf(columns.take()) : null);
};

const decode = createDialects([]);
const longWay = () => {
  const clock = createReceiveClock();
  return (one: InboundMessage) => {
    const { readings, rejected } = decode(one, "main");
    const checked = readings.map((candidate) => check(candidate, { received, aheadMs, mayNot: () => null, clock }));
    return {
      readings: checked.flatMap(({ reading }) => (reading === null ? [] : [reading])),
      rejected: [...rejected, ...checked.flatMap((item) => item.rejected)],
    };
  };
};

test("plain telemetry takes the short way", () => {
  const take = setUp();
  expect(take(message(`{"ts":${received},"power_w":4213.5,"energy_import_wh":120331250}`))).toEqual([
    {
      site: "demo",
      device: "r-1",
      ts: received,
      received,
      quantities: { power_w: 4213.5, energy_import_wh: 120331250 },
      flags: [],
    },
  ]);
});

test("a device that changes its keys is read by its new keys", () => {
  const take = setUp();
  take(message(`{"ts":${received},"power_w":1}`));
  expect(take(message(`{"inlet_c":21,"ts":${received}}`))?.[0]?.quantities).toEqual({ inlet_c: 21 });
  expect(take(message(`{"ts":${received},"power_w":1,"inlet_c":22}`))?.[0]?.quantities).toEqual({
    power_w: 1,
    inlet_c: 22,
  });
  expect(take(message(`{"ts":${received}}`))).toBeNull();
});

test("what is wrong in any way is left to the decoders", () => {
  const take = setUp();
  expect(take(message(""))).toBeNull();
  expect(take(message("{"))).toBeNull();
  expect(take(message("[]"))).toBeNull();
  expect(take(message('{"power_w":"1"}'))).toBeNull();
  expect(take(message('{"power_w":1e999}'))).toBeNull();
  expect(take(message('{"soc_pct":101}'))).toBeNull();
  expect(take(message('{"Power":1}'))).toBeNull();
  expect(take(message('{"__proto__":1}'))).toBeNull();
  expect(take(message('{"power_w":1,"ts":null}'))).toBeNull();
  expect(take(message(`{"power_w":1,"ts":${received + aheadMs + 1}}`))).toBeNull();
  expect(take({ ...message('{"power_w":1}'), payload: Buffer.from([0x7b, 0xff, 0x7d]) })).toBeNull();
});

test("whatever the payload, the short way says what the long way says, or nothing", () => {
  const key = fc.constantFrom("ts", "power_w", "soc_pct", "unknown_x", "constructor", "Bad", "__proto__", "é");
  const value = fc.oneof(
    fc.double(),
    fc.integer({ min: -10, max: 200 }),
    fc.constantFrom(received, received - 600_000, received + 5, "1", null, true, [], {}),
  );
  const payload = fc.array(fc.tuple(key, value), { maxLength: 4 }).map((pairs) => {
    const members = pairs.map(([name, item]) => `${JSON.stringify(name)}:${JSON.stringify(item)}`);
    return `{${members.join(",")}}`;
  });
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 6 }), (payloads) => {
      const [short, long] = [setUp(), longWay()];
      for (const text of payloads) {
        const found = short(message(text));
        // both clocks count on, so that a missing time means the same in both
        const expected = found === null ? null : long(message(text));
        if (found !== null) expect({ readings: found, rejected: [] }).toEqual(expected);
      }
    }),
  );
});
