import { brokerSchema } from "#broker";
import { collectorSchema } from "#collector";
import { dashboardSchema } from "#dashboard";
import { energySchema } from "#energy";
import { rulesSchema } from "#rules";
import { storeSchema } from "#store";
import { deploySchema } from "./config.ts";

// DATA_DIR, STORE_URL and PARTS have no stage's prefix: they are settings of the whole.
const schemas = {
  deploy: { prefix: "DEPLOY_", schema: deploySchema },
  store: { prefix: "STORE_", schema: storeSchema },
  broker: { prefix: "BROKER_", schema: brokerSchema },
  collector: { prefix: "COLLECTOR_", schema: collectorSchema },
  energy: { prefix: "ENERGY_", schema: energySchema },
  rules: { prefix: "RULES_", schema: rulesSchema },
  dashboard: { prefix: "DASHBOARD_", schema: dashboardSchema },
} as const;

type Stage = keyof typeof schemas;
export type Settings = { readonly [Name in Stage]: ReturnType<(typeof schemas)[Name]["schema"]["parse"]> };

export interface SettingFault {
  readonly name: string;
  readonly message: string;
}

/** Every stage's settings from the environment, or every fault of all stages together. Opens nothing. */
export function parseSettings(
  env: Readonly<Record<string, string | undefined>>,
):
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly faults: readonly SettingFault[] } {
  const faults: SettingFault[] = [];
  const parsed: Partial<Record<Stage, unknown>> = {};
  for (const stage of Object.keys(schemas) as Stage[]) {
    const { prefix, schema } = schemas[stage];
    const own = Object.fromEntries(
      Object.entries(env).filter(
        ([name, value]) =>
          value !== undefined && value !== "" && (name.startsWith(prefix) || Object.hasOwn(schema.shape, name)),
      ),
    );
    const result = schema.safeParse(own);
    if (result.success) parsed[stage] = Object.freeze(result.data);
    else faults.push(...result.error.issues.flatMap((issue) => faultsOf(issue, own)));
  }
  if (faults.length > 0) return { ok: false, faults };
  const settings = Object.freeze(parsed) as Settings;
  const contradictions = contradictionsOf(settings);
  return contradictions.length === 0 ? { ok: true, settings } : { ok: false, faults: contradictions };
}

/** What no stage can see alone. */
const contradictionsOf = ({ deploy, collector }: Settings): readonly SettingFault[] => {
  const { PARTS } = deploy;
  const faults: SettingFault[] = [];
  if (PARTS.includes("collector") && !PARTS.includes("broker") && collector.COLLECTOR_BROKER_URL === undefined)
    faults.push({
      name: "PARTS",
      message: "collector gets no messages: add broker, or set COLLECTOR_BROKER_URL to the broker that has them",
    });
  if (collector.COLLECTOR_BROKER_URL !== undefined && !PARTS.includes("collector"))
    faults.push({ name: "COLLECTOR_BROKER_URL", message: "needs the part collector, which is not in PARTS" });
  return faults;
};

const faultsOf = (
  issue: { readonly code?: string; readonly path: readonly PropertyKey[]; readonly message: string },
  own: Readonly<Record<string, string | undefined>>,
): SettingFault[] => {
  const keys = (issue as { readonly keys?: readonly string[] }).keys;
  if (issue.code === "unrecognized_keys" && keys) {
    return keys.map((name) => ({ name, message: "no such setting: see deploy/settings.env for the list" }));
  }
  const name = String(issue.path[0] ?? "");
  const value = own[name];
  return [
    { name, message: `${issue.message}${value === undefined ? "" : `, got ${JSON.stringify(value.slice(0, 80))}`}` },
  ];
};

export interface DocumentedSetting {
  readonly stage: Stage;
  readonly name: string;
  /** As it would be written in the environment; empty when there is none. */
  readonly fallback: string;
  readonly meaning: string;
}

/** Every setting with its default, for `settings.env` and the README. */
export function documentSettings(): readonly DocumentedSetting[] {
  return (Object.keys(schemas) as Stage[]).flatMap((stage) =>
    Object.entries(schemas[stage].schema.shape).map(([name, field]) => {
      const value = (field as { safeParse: (input: unknown) => { success: boolean; data?: unknown } }).safeParse(
        undefined,
      );
      const raw = name === "PARTS" ? "all" : value.success ? value.data : undefined;
      return {
        stage,
        name,
        fallback: raw === undefined || raw === null ? "" : Array.isArray(raw) ? raw.join(",") : String(raw),
        meaning: (field as { description?: string }).description ?? "",
      };
    }),
  );
}
