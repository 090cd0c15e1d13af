import { StoreRefusedError } from "../errors.ts";
import type { Json, Ledger, LedgerChange } from "../ledger.ts";
import { timestamp } from "../unit.ts";
import type { Refusal } from "./send.ts";
import type { Dropped } from "./spool.ts";

/** Refused lines become dead letters; the same line refused again is the same row. */
export const buryLines = async (ledger: Pick<Ledger, "commit">, refusals: readonly Refusal[]): Promise<void> => {
  const changes = refusals.map(({ line, reason }): LedgerChange => {
    const { site, device, received } = line.reading;
    const body: Json = {
      topic: `dc/${site}/${device}/telemetry`,
      code: "STORE_LINE_REFUSED",
      reason,
      payload: line.text.slice(0, 1024),
      bytes: Buffer.byteLength(line.text),
      user: "",
      received,
    };
    const names = Object.keys(line.reading.quantities).join(",");
    const key = `store/${site}/${device}/${line.reading.ts}/${received}/${names}`.slice(0, 500);
    return { op: "put", kind: "dead-letter", key, site, ts: received, body };
  });
  await ledger.commit(changes);
};

export const droppedError = ({ readings, from }: Dropped): StoreRefusedError =>
  new StoreRefusedError(
    `the spool was full: ${readings} readings from ${from} on were given up before InfluxDB took them`,
    {
      code: "STORE_SPOOL_DROPPED",
    },
  );

/** One dead letter for a segment that was given up: the readings themselves are gone. */
export const buryDropped = async (ledger: Pick<Ledger, "commit">, dropped: Dropped, now: number): Promise<void> => {
  const body: Json = {
    topic: "",
    code: "STORE_SPOOL_DROPPED",
    reason: droppedError(dropped).message,
    payload: "",
    bytes: 0,
    user: "",
    received: now,
  };
  const key = `store/dropped/${String(dropped.from).padStart(16, "0")}`;
  await ledger.commit([{ op: "put", kind: "dead-letter", key, site: "", ts: timestamp(now), body }]);
};
