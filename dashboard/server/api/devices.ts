import { z } from "zod";
import type { SiteModel } from "#energy";
import { type DeviceSeen, findQuantity, type LatestReading } from "#store";
import type { App, Context } from "../app.ts";
import { identifier } from "../query.ts";
import * as schema from "../schema.ts";
import type { DeviceWire } from "../wire.ts";

interface Use {
  readonly nodes: readonly string[];
  readonly origin: string | null;
}

/** Who uses a device: nodes by their points and their work, `tariff` and `carbon` where a site's terms name it. */
export const useOf = (model: SiteModel | undefined, device: string): Use => {
  if (model === undefined) return { nodes: [], origin: null };
  const nodes = model.nodes.filter(({ points }) => points.some((point) => point.device === device));
  const work = (model.compute?.work ?? []).filter((term) => term.device === device);
  const ids = [
    ...nodes.map(({ id }) => id),
    ...work.map(({ node }) => node),
    ...(model.tariff?.device === device ? ["tariff"] : []),
    ...(model.carbon?.device === device ? ["carbon"] : []),
  ];
  return { nodes: [...new Set(ids)], origin: nodes[0]?.origin ?? work[0]?.origin ?? null };
};

const wire = (seen: DeviceSeen, latest: LatestReading | undefined, use: Use): DeviceWire => ({
  site: seen.site,
  device: seen.device,
  quantities: seen.quantities,
  firstSeen: seen.firstSeen,
  lastSeen: seen.lastSeen,
  readings: seen.readings,
  latest: Object.fromEntries(
    Object.entries(latest?.quantities ?? {}).map(([name, { value, ts }]) => [
      name,
      { value, ts, unit: findQuantity(name)?.unit ?? null },
    ]),
  ),
  ...use,
});

/** The product's own health figures: nothing a site file could describe. */
const ownSite = "system";

export const deviceRoutes = (app: App, { readings, energy }: Context): void => {
  app.get(
    "/api/v1/devices",
    {
      schema: {
        summary: "Every device ever seen, with its newest values and the nodes that use it",
        tags: ["ingest"],
        querystring: z.strictObject({ site: identifier.optional() }),
        response: { 200: schema.list(schema.device), 400: schema.problem },
      },
    },
    async ({ query: { site } }) => {
      const seen = await readings.devices(site);
      const sites = [...new Set(seen.map((device) => device.site))];
      const newest = (await Promise.all(sites.map((id) => readings.latest({ site: id })))).flat();
      const byName = new Map(newest.map((reading) => [`${reading.site}/${reading.device}`, reading]));
      const models = new Map(energy.sites().map((model) => [model.id, model]));
      const items = seen.map((device) => {
        const use =
          device.site === ownSite ? { nodes: [ownSite], origin: null } : useOf(models.get(device.site), device.device);
        return wire(device, byName.get(`${device.site}/${device.device}`), use);
      });
      return { items, next: null };
    },
  );
};
