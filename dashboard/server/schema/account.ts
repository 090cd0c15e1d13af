// The books: accounts, their revisions, and closed billing cycles.
import { z } from "zod";
import { accountFlags, accountSteps, signatureNames } from "#energy";
import { kpiResult } from "./kpi.ts";
import { maybe, ms, person, quality, words } from "./parts.ts";

export const suspect = z
  .object({
    node: z.string(),
    point: z.string(),
    device: z.string(),
    signature: z.enum(signatureNames),
    factor: z.number().describe("what the meter shows over what it should"),
    measure: z.enum(["power", "energy", "both"]),
    residualW: z.number(),
    correctedW: z.number().describe("the mean residual with this meter corrected"),
    toleranceW: z.number(),
    open: z.number().int().describe("intervals in which the balance was open"),
    closed: z.number().int().describe("of those, how many the correction closes"),
    rivals: z.array(z.string()).describe("devices that would explain it nearly as well"),
  })
  .describe("the meter that would close the open balance if it showed the truth");

export const balance = z.object({
  supplyW: maybe,
  loadW: maybe,
  residualW: maybe,
  uncertaintyW: maybe,
  toleranceW: maybe,
  suspect: suspect.exactOptional(),
});

const nodeAccount = z.object({
  forwardWh: maybe,
  reverseWh: maybe,
  meanW: maybe,
  minW: maybe,
  maxW: maybe,
  socPct: maybe,
  storedWh: maybe.exactOptional(),
  availableWh: maybe.exactOptional(),
  check: z.object({ registerWh: z.number(), powerWh: z.number() }).exactOptional(),
  meters: z.array(z.object({ meanW: maybe, netWh: maybe })).exactOptional(),
  lagMs: z
    .number()
    .exactOptional()
    .describe("received less event time where every reading of the window was dated wrong"),
  coverage: z.number(),
  quality,
  flags: z.array(z.enum(accountFlags)),
});

const demandPeaks = z.object({
  windowMin: z.number(),
  fixedW: maybe,
  slidingW: maybe,
  headWh: z.array(maybe),
  tailWh: z.array(maybe),
});

const storageFlow = z.object({
  renewableWh: z.number(),
  gridWh: z.number(),
  unknownWh: z.number(),
  carbonG: z.number(),
  cost: z.number(),
});
const storageState = storageFlow.extend({ energyWh: z.number(), meanAgeH: z.number() });
const storageAccount = z.object({
  opening: storageState,
  closing: storageState,
  charge: storageFlow,
  discharge: storageFlow,
  lossWh: z.number(),
  beyondWh: z.number(),
  reconciled: z
    .object({
      ledgerWh: z.number(),
      socWh: z.number(),
      toleranceWh: z.number(),
      lossWh: z.number(),
      foundWh: z.number(),
    })
    .nullable(),
  naive: z.object({ renewableWh: z.number(), carbonG: z.number(), cost: z.number() }),
  flags: z.array(z.enum(["FLOW_UNKNOWN", "CARBON_UNKNOWN", "COST_UNKNOWN", "STORAGE_UNRECONCILED"])),
});

export const account = z.object({
  site: z.string(),
  step: z.enum(accountSteps),
  start: ms,
  end: ms,
  revision: z.number(),
  model: z.string(),
  data: z.string().exactOptional(),
  factors: z.array(z.string()).exactOptional(),
  nodes: z.record(z.string(), nodeAccount),
  totals: z.object({
    importWh: maybe,
    exportWh: maybe,
    renewableWh: maybe,
    gensetWh: maybe,
    chargeWh: maybe,
    dischargeWh: maybe,
    itWh: maybe,
    coolingWh: maybe,
    lossWh: maybe,
    otherWh: maybe,
    loadWh: maybe,
    facilityWh: maybe,
    storedWh: maybe.exactOptional(),
    carbonG: maybe,
    carbonFreeWh: maybe.exactOptional(),
    availableWh: maybe.exactOptional(),
    cost: maybe,
    media: z.record(z.string(), maybe).exactOptional(),
    idle: z.record(z.string(), z.object({ allocatedWh: maybe, idleWh: maybe })).exactOptional(),
    batteries: z
      .record(z.string(), z.object({ sohPct: maybe, runtimeS: maybe, dischargeLimitW: maybe }))
      .exactOptional(),
    servers: z
      .object({
        utilisationPct: maybe,
        serving: z.record(z.string(), z.boolean().nullable()),
        silent: z.array(z.string()),
      })
      .exactOptional(),
    periods: z.record(z.string(), z.object({ importWh: maybe, cost: maybe })).exactOptional(),
    work: z.record(z.string(), z.object({ amount: maybe, energyWh: maybe })),
  }),
  balance: balance.extend({ residualWh: maybe.exactOptional(), uncertaintyWh: maybe.exactOptional() }),
  coverage: z.number(),
  quality,
  flags: z.array(z.enum(accountFlags)),
  joint: z
    .record(z.string(), z.object({ goodMs: z.number(), terms: z.record(z.string(), z.number()) }))
    .exactOptional(),
  demand: demandPeaks.exactOptional(),
  baseDemand: demandPeaks.exactOptional(),
  storage: z.record(z.string(), storageAccount).exactOptional(),
  outdoorC: maybe.exactOptional(),
});

const change = z.object({
  path: z.string(),
  before: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  after: z.union([z.string(), z.number(), z.boolean()]).nullable(),
});
export const changes = z.array(change);
export const accountRevisions = z.object({
  items: z.array(z.object({ revision: z.number(), at: ms, account, changes })),
});
const revisionName = z.object({ revision: z.number(), at: ms });
export const accountDifference = z.object({ before: revisionName, after: revisionName, changes });

export const closeCycle = z.strictObject({ by: person, reason: words.exactOptional() });
export const cycle = z.object({
  site: z.string(),
  cycle: z.string(),
  start: ms,
  end: ms,
  revision: z.string(),
  closedAt: ms,
  by: z.string(),
  reason: z.string(),
  models: z.array(z.string()),
  data: z.string().nullable(),
  accounts: z.array(z.object({ step: z.enum(accountSteps), start: ms, revision: z.number() })),
  account,
  kpis: z.array(kpiResult),
});
export const cycles = z.object({ items: z.array(cycle) });
export const cycleReport = z.object({
  cycle,
  corrections: z.array(
    z.object({
      step: z.enum(accountSteps),
      start: ms,
      frozen: z.number().nullable(),
      revision: z.number(),
      at: ms,
      changes,
    }),
  ),
  changes,
});
