import { z } from "zod";
import { type LedgerRow, timestamp } from "#store";
import type { App, Context } from "../app.ts";
import { cursor, identifier, limit } from "../query.ts";
import { rateOf } from "../rates.ts";
import { createRefusals } from "../refusals.ts";
import * as schema from "../schema.ts";
import type { DeadLetterWire } from "../wire.ts";

const own = { site: "system", device: "wattlas" };
// Health figures come every few seconds; a minute of them makes a steady rate.
const rateWindowMs = 60_000;

const bodyOf = schema.deadLetter.omit({ id: true });

const deadLetter = (row: LedgerRow): DeadLetterWire | null => {
  const body = bodyOf.safeParse(row.body);
  return body.success ? { id: row.key, ...body.data } : null;
};

/** Pages looked through for one answer, when one code is rare. */
const mostPages = 20;

export const ingestRoutes = (app: App, { readings, ledger, now }: Context): void => {
  const refusals = createRefusals(ledger);

  app.get(
    "/api/v1/ingest",
    {
      schema: {
        summary: "What comes in: the newest health figures, rates per second, refusals by code",
        tags: ["ingest"],
        response: { 200: schema.ingest },
      },
    },
    async () => {
      const [[newest], rejectedByCode] = await Promise.all([
        readings.latest({ site: own.site, devices: [own.device] }),
        refusals(),
      ]);
      if (newest === undefined)
        return {
          ts: null,
          counters: {},
          rates: { messagesPerS: null, readingsPerS: null, valuesPerS: null },
          rejectedByCode,
        };
      const live = now() - newest.ts <= rateWindowMs;
      const recent = live
        ? await readings.read({
            ...own,
            from: timestamp(newest.ts - rateWindowMs),
            to: timestamp(newest.ts + 1),
            limit: 1000,
          })
        : { items: [] };
      return {
        ts: newest.ts,
        counters: Object.fromEntries(Object.entries(newest.quantities).map(([name, { value }]) => [name, value])),
        rates: {
          messagesPerS: rateOf(recent.items, "collector_messages"),
          readingsPerS: rateOf(recent.items, "collector_readings"),
          valuesPerS: rateOf(recent.items, "collector_values"),
        },
        rejectedByCode,
      };
    },
  );

  app.get(
    "/api/v1/dead-letters",
    {
      schema: {
        summary: "Messages and values that were not kept, newest first, with reason and the first 1 KB",
        tags: ["ingest"],
        querystring: z.strictObject({
          site: identifier.optional(),
          code: z.string().min(1).max(64).optional(),
          limit: limit(1000, 100),
          cursor: cursor.optional(),
        }),
        response: { 200: schema.list(schema.deadLetter), 400: schema.problem },
      },
    },
    async ({ query: asked }) => {
      let at = asked.cursor;
      for (let pages = 1; ; pages++) {
        const page = await ledger.list({
          kind: "dead-letter",
          ...(asked.site === undefined ? {} : { site: asked.site }),
          order: "newest-first",
          limit: asked.limit,
          ...(at === undefined ? {} : { cursor: at }),
        });
        const items = page.items.flatMap((row) => {
          const letter = deadLetter(row);
          return letter !== null && (asked.code === undefined || letter.code === asked.code) ? [letter] : [];
        });
        if (items.length > 0 || page.next === null || pages === mostPages) return { items, next: page.next };
        at = page.next;
      }
    },
  );
};
