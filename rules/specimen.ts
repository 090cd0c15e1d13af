import type { Account, NodeAccount, NodeKind, NodeRole, SiteModel, SiteNode } from "#energy";
import { timestamp } from "#store";

/** A site of nothing but metered racks, for trying rules. */
export const siteOf = (given: {
  readonly id: string;
  readonly devices: readonly string[];
  readonly intervalMs: number;
  readonly busRatingW?: number;
  readonly demand?: SiteModel["demand"];
  readonly tariff?: SiteModel["tariff"];
  readonly nodes?: readonly SpecimenNode[];
  readonly exportLimitW?: number;
  readonly puePoints?: Readonly<Partial<Record<"1" | "2" | "3", readonly string[] | undefined>>>;
  /** Quantity of declared work by node. */
  readonly work?: Readonly<Record<string, string>>;
}): SiteModel => ({
  id: given.id,
  name: { en: "Hall", "zh-CN": "机房" },
  timeZone: "Asia/Shanghai",
  currency: "CNY",
  revision: "trial",
  busRatingW: given.busRatingW ?? 2e6,
  pueCategory: 1,
  nodes: [
    ...given.devices.map((device) => nodeOf(device, given.intervalMs)),
    ...(given.nodes ?? []).map(({ id, kind, ratingW, capacityWh, parent = null, meters, gateway, ...more }) => {
      const node = nodeOf(id, given.intervalMs);
      const points = (meters ?? [{ code: "MP.IT.IN", device: id, sign: 1 as const }]).flatMap((meter) =>
        node.points.map((point) => ({
          ...{ ...point, ...meter, ...(gateway === undefined ? {} : { gateway }) },
          ...(more.nominalV === undefined ? {} : { nominalV: more.nominalV }),
          register: { modulusWh: null, resolutionWh: more.resolutionWh ?? 1 },
        })),
      );
      return { ...node, kind, role: roles[kind] ?? "load", ratingW, capacityWh, parent, points };
    }),
  ],
  demand: given.demand ?? null,
  tariff: given.tariff ?? null,
  carbon: null,
  ...(given.exportLimitW === undefined
    ? {}
    : { contract: { importLimitW: null, exportLimitW: given.exportLimitW, capacityVa: null } }),
  ...(given.puePoints === undefined ? {} : { declared: declaredOf(given.puePoints) }),
  compute:
    given.work === undefined
      ? null
      : {
          work: Object.entries(given.work).map(([node, quantity]) => ({
            device: node,
            quantity,
            unit: "sample",
            workload: { en: "trial", "zh-CN": "试验" },
            precision: "FP8",
            origin: "measured",
            node,
          })),
        },
});

const declaredOf = (
  places: Readonly<Partial<Record<"1" | "2" | "3", readonly string[] | undefined>>>,
): NonNullable<SiteModel["declared"]> => ({
  ...{ media: [], certificates: [], ratings: [], idle: [], racks: null, design: null, weather: null },
  ...{ powerFactor: null, factors: {}, facts: [] },
  puePoints: { "1": places["1"] ?? null, "2": places["2"] ?? null, "3": places["3"] ?? null },
});

export interface SpecimenNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly ratingW: number | null;
  readonly capacityWh: number | null;
  readonly parent?: string;
  readonly meters?: readonly { readonly code: string; readonly device: string; readonly sign: 1 | -1 }[];
  readonly gateway?: string;
  readonly resolutionWh?: number;
  readonly nominalV?: number;
}

const roles: Partial<Record<NodeKind, NodeRole>> = {
  grid: "grid",
  pv: "source",
  wind: "source",
  genset: "source",
  battery: "storage",
  ups: "storage",
};

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
  readonly exportW?: number | null;
  readonly renewableW?: number | null;
  readonly chargeW?: number | null;
  readonly dischargeW?: number | null;
  readonly itW?: number | null;
  readonly coolingW?: number | null;
  readonly lossW?: number | null;
  readonly loadW?: number | null;
  readonly facilityW?: number | null;
  readonly availableW?: number | null;
  /** Of a node with declared work, by node and its quantity `work_samples`. */
  readonly work?: Readonly<Record<string, { readonly amount: number | null; readonly energyWh: number | null }>>;
  /** The node whose meter is suspected. */
  readonly suspect?: string | null;
  readonly nodes?: Readonly<Record<string, NodeAccount>>;
}): Account => {
  const energy = (meanW: number | null | undefined): number | null =>
    meanW === null || meanW === undefined ? null : (meanW * (given.end - given.start)) / 3_600_000;
  return {
    site: given.site,
    step: "1m",
    start: timestamp(given.start),
    end: timestamp(given.end),
    revision: 1,
    model: "trial",
    nodes: given.nodes ?? {},
    totals: {
      importWh: energy(given.importW),
      exportWh: energy(given.exportW),
      renewableWh: energy(given.renewableW),
      gensetWh: null,
      chargeWh: energy(given.chargeW),
      dischargeWh: energy(given.dischargeW),
      itWh: energy(given.itW),
      coolingWh: energy(given.coolingW),
      lossWh: energy(given.lossW),
      otherWh: null,
      loadWh: energy(given.loadW),
      availableWh: energy(given.availableW),
      facilityWh: energy(given.facilityW),
      storedWh: 0,
      carbonG: null,
      cost: null,
      work: Object.fromEntries(Object.entries(given.work ?? {}).map(([node, part]) => [`${node}/work_samples`, part])),
    },
    balance: {
      supplyW: given.supplyW ?? null,
      loadW: given.loadW ?? null,
      residualW: given.residualW ?? null,
      uncertaintyW: given.uncertaintyW ?? null,
      toleranceW: null,
      ...(given.suspect === undefined || given.suspect === null
        ? {}
        : {
            suspect: {
              node: given.suspect,
              point: "MP.X",
              device: given.suspect,
              signature: "REVERSED",
              factor: -1,
            } as NonNullable<Account["balance"]["suspect"]>,
          }),
    },
    coverage: 1,
    quality: "MEASURED",
    flags: [],
  };
};
