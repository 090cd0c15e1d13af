import type { Account, SiteModel, SiteNode } from "#energy";
import { timestamp } from "#store";

/** A site of nothing but metered racks, for trying rules. */
export const siteOf = (given: {
  readonly id: string;
  readonly devices: readonly string[];
  readonly intervalMs: number;
  readonly busRatingW?: number;
  readonly demand?: SiteModel["demand"];
}): SiteModel => ({
  id: given.id,
  name: { en: "Hall", "zh-CN": "机房" },
  timeZone: "Asia/Shanghai",
  currency: "CNY",
  revision: "trial",
  busRatingW: given.busRatingW ?? 2e6,
  pueCategory: 1,
  nodes: given.devices.map((device) => nodeOf(device, given.intervalMs)),
  demand: given.demand ?? null,
  tariff: null,
  carbon: null,
  compute: null,
});

const nodeOf = (device: string, intervalMs: number): SiteNode => ({
  id: device,
  kind: "it",
  role: "load",
  name: { en: device, "zh-CN": device },
  parent: null,
  origin: "measured",
  ratingW: null,
  capacityWh: null,
  boundary: "inside",
  counting: "counted",
  points: [
    {
      code: "MP.IT.IN",
      device,
      power: "power_w",
      sign: 1,
      energyForward: null,
      energyReverse: null,
      soc: null,
      intervalMs,
      meterClass: 1,
      ctClass: null,
      register: { modulusWh: null, resolutionWh: 1 },
    },
  ],
});

/** One minute of such a site with the sums that the window rules read; the others are not known. */
export const accountOf = (given: {
  readonly site: string;
  readonly start: number;
  readonly end: number;
  readonly importW?: number | null;
  readonly supplyW?: number | null;
  readonly residualW?: number | null;
  readonly uncertaintyW?: number | null;
}): Account => {
  const importW = given.importW ?? null;
  return {
    site: given.site,
    step: "1m",
    start: timestamp(given.start),
    end: timestamp(given.end),
    revision: 1,
    model: "trial",
    nodes: {},
    totals: {
      importWh: importW === null ? null : (importW * (given.end - given.start)) / 3_600_000,
      exportWh: null,
      renewableWh: null,
      gensetWh: null,
      chargeWh: null,
      dischargeWh: null,
      itWh: null,
      coolingWh: null,
      lossWh: null,
      otherWh: null,
      loadWh: null,
      facilityWh: null,
      carbonG: null,
      cost: null,
      work: {},
    },
    balance: {
      supplyW: given.supplyW ?? null,
      loadW: null,
      residualW: given.residualW ?? null,
      uncertaintyW: given.uncertaintyW ?? null,
      toleranceW: null,
    },
    coverage: 1,
    quality: "MEASURED",
    flags: [],
  };
};
