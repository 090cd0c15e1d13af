import { z } from "zod";
import { windowOf } from "#energy";
import { findQuantity, type Series, timestamp } from "#store";
import type { App, Context } from "../app.ts";
import { refuse } from "../problem.ts";
import { hourMs, identifier, quantityName, type Range, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";
import { alignDown, columnsOf, days, mostPoints, type SeriesStep, stepFor, windowsIn } from "../series-step.ts";
import type { SeriesWire } from "../wire.ts";

/** A year of minutes would be 100 MB of JSON; who needs it pages through readings. */
const mostWindows = 50_000;
const mostRaw = 100_000;
/** Ranges up to this are tried raw first: one sample per second fits `mostPoints`. */
const rawMs = 2 * hourMs;

const query = rangeQuery({
  site: identifier,
  device: identifier,
  quantity: quantityName,
  step: z.enum(["auto", "raw", "1m", "15m", "1h", "1d"]).default("auto"),
});

interface Asked extends Range {
  readonly site: string;
  readonly device: string;
  readonly quantity: string;
}

export const seriesRoutes = (app: App, { readings, energy, now }: Context): void => {
  const fetch = (asked: Asked, step: Series["step"]): Promise<Series> =>
    readings.series({
      site: asked.site,
      device: asked.device,
      quantity: asked.quantity,
      from: timestamp(step === "raw" ? asked.from : alignDown(asked.from, step)),
      to: timestamp(asked.to),
      step,
    });

  const fetchDays = async (asked: Asked) => {
    const timeZone = energy.sites().find(({ id }) => id === asked.site)?.timeZone ?? "UTC";
    // Offsets of a quarter of an hour exist, so a civil day is composed of quarter hours.
    const rows = await fetch({ ...asked, from: windowOf("1d", asked.from, timeZone).start }, "15m");
    return days(rows.step === "raw" ? emptyRows : rows, timeZone);
  };

  const wire = (asked: Asked, step: SeriesStep, columns: ReturnType<typeof columnsOf>): SeriesWire => ({
    site: asked.site,
    device: asked.device,
    quantity: asked.quantity,
    unit: findQuantity(asked.quantity)?.unit ?? null,
    step,
    ...columns,
  });

  const answer = async (asked: Asked, step: SeriesStep | "auto"): Promise<SeriesWire | null> => {
    if (step === "auto" && asked.to - asked.from <= rawMs) {
      const raw = columnsOf(await fetch(asked, "raw"));
      return raw.ts.length <= mostPoints ? wire(asked, "raw", raw) : answer(asked, stepFor(asked.from, asked.to));
    }
    if (step === "auto") return answer(asked, stepFor(asked.from, asked.to));
    if (step === "1d") return wire(asked, step, await fetchDays(asked));
    const columns = columnsOf(await fetch(asked, step));
    return columns.ts.length > mostRaw ? null : wire(asked, step, columns);
  };

  app.get(
    "/api/v1/series",
    {
      schema: {
        summary: "One quantity of one device over time, as columns; auto keeps it to about 2,000 points",
        tags: ["readings"],
        querystring: query,
        response: { 200: schema.series, 400: schema.problem },
      },
    },
    async ({ query: { site, device, quantity, step, ...asked } }, reply) => {
      const range = rangeOf(asked, now(), hourMs);
      const tooLong = refuseRange(`at most ${mostRaw} samples are given at once: shorten the range or take step=auto`);
      if (step !== "auto" && step !== "raw" && windowsIn(range.from, range.to, step) > mostWindows)
        return refuse(reply, tooLong);
      if (step === "raw" && range.to - range.from > 31 * 24 * hourMs) return refuse(reply, tooLong);
      return (await answer({ site, device, quantity, ...range }, step)) ?? refuse(reply, tooLong);
    },
  );
};

const refuseRange = (detail: string) => ({ status: 400, code: "DASHBOARD_RANGE_TOO_LONG", detail }) as const;

const emptyRows = {
  start: [],
  count: [],
  sum: [],
  min: [],
  max: [],
  first: [],
  firstTs: [],
  last: [],
  lastTs: [],
  integral: [],
  goodMs: [],
};
