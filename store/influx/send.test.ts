import { HttpError } from "@influxdata/influxdb-client";
import { expect, test } from "vitest";
import type { Reading } from "../reading.ts";
import { timestamp } from "../unit.ts";
import { readingLine } from "./line.ts";
import { prepare, sendLines } from "./send.ts";
import type { InfluxServer } from "./server.ts";
import type { NumberedCorrection, Stored } from "./stored.ts";

const reading = (ts: number, quantities: Record<string, number> = { power_w: ts }): Reading => ({
  site: "demo",
  device: "r-1",
  ts: timestamp(ts),
  received: timestamp(ts),
  quantities,
  flags: [],
});
const line = (of: Reading) => ({ text: readingLine(of), reading: of });

/** A server that keeps lines unless `refuse` names a reason. */
const serverThat = (refuse: (lines: readonly string[]) => HttpError | null) => {
  const kept: string[] = [];
  const sizes: number[] = [];
  const server = {
    write: async (lines: readonly string[]) => {
      sizes.push(lines.length);
      const error = refuse(lines);
      if (error !== null) throw error;
      kept.push(...lines);
    },
  } as unknown as InfluxServer;
  return { server, kept, sizes };
};

const partial = new HttpError(400, "Bad Request", '{"error":"partial write: field type conflict dropped=1"}');

test("only the line that is refused is handed back", async () => {
  const lines = Array.from({ length: 100 }, (_, n) => line(reading(n)));
  const { server, kept } = serverThat((sent) => (sent.some((text) => text.endsWith(" 37")) ? partial : null));
  const refusals = await sendLines(server, lines);
  expect(refusals.map(({ line: { reading: of } }) => of.ts)).toEqual([37]);
  expect(refusals[0]?.reason).toBe("400 Bad Request partial write: field type conflict dropped=1");
  expect(kept).toEqual(lines.filter((_, n) => n !== 37).map(({ text }) => text));
});

test("of a reading only the quantity that is refused is handed back", async () => {
  const { server, kept } = serverThat((sent) => (sent.some((text) => text.includes("bad_w")) ? partial : null));
  const refusals = await sendLines(server, [line(reading(1, { bad_w: 1, power_w: 2, voltage_v: 3 }))]);
  expect(refusals.map(({ line: { reading: of } }) => of.quantities)).toEqual([{ bad_w: 1 }]);
  expect(kept.join()).toMatch(/power_w=2.*voltage_v=3/);
});

test("a body that is too large is sent in halves", async () => {
  const lines = Array.from({ length: 64 }, (_, n) => line(reading(n)));
  const { server, kept, sizes } = serverThat((sent) =>
    sent.length > 20 ? new HttpError(413, "Request Entity Too Large") : null,
  );
  expect(await sendLines(server, lines)).toEqual([]);
  expect(kept).toHaveLength(64);
  expect(sizes).toEqual([64, 32, 16, 16, 32, 16, 16]);
});

test("a 400 that is not about the lines loses none of them", async () => {
  const { server } = serverThat(() => new HttpError(400, "Bad Request", "the proxy does not know this host"));
  await expect(sendLines(server, [line(reading(1)), line(reading(2))])).rejects.toBeInstanceOf(HttpError);
});

test("a 503 is not halved", async () => {
  const { server, sizes } = serverThat(() => new HttpError(503, "Service Unavailable", "", "7"));
  await expect(sendLines(server, [line(reading(1)), line(reading(2))])).rejects.toMatchObject({ statusCode: 503 });
  expect(sizes).toEqual([2]);
});

const storedThat = (readings: readonly Reading[], superseded: readonly NumberedCorrection[] = []): Stored => ({
  find: async () => new Map(readings.map((of) => [`${of.site}/${of.device}@${of.ts}`, of])),
  superseded: async () => superseded,
});
const record = (of: Reading, more: { undecided?: boolean; was?: number } = {}) => ({
  reading: of,
  corrected: more.was === undefined ? [] : [{ quantity: "power_w", was: more.was }],
  first: more.was === undefined,
  undecided: more.undecided ?? false,
});

test("an undecided reading keeps what the server has and it has not", async () => {
  const stored = storedThat([reading(5, { power_w: 1, voltage_v: 230 })]);
  const { lines, known } = await prepare(stored, [record(reading(5, { power_w: 2 }), { undecided: true })]);
  expect(lines.map(({ text }) => text)).toEqual([
    "superseded,device=r-1,nth=1,quantity=power_w,site=demo replaced=5,was=1 5",
    'reading,device=r-1,site=demo power_w=2,voltage_v=230,flags="",received=5 5',
  ]);
  expect(known).toHaveLength(1);
});

test("a correction sent again is not counted again, another one gets the next number", async () => {
  const had = {
    site: "demo",
    device: "r-1",
    ts: timestamp(5),
    quantity: "power_w",
    was: 1,
    replaced: timestamp(5),
    nth: 1,
  };
  const again = await prepare(storedThat([], [had]), [record(reading(5), { was: 1 })]);
  expect(again.lines).toHaveLength(1);
  const other = await prepare(storedThat([], [had]), [record(reading(5), { was: 4 })]);
  expect(other.lines[0]?.text).toContain("nth=2");
});
