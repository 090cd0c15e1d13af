import type { KpiResult } from "./account.ts";
import type { ResidualOver } from "./closure.ts";
import type { NodeKind, NodeRole, Origin, Text } from "./model.ts";
import type { Suspect } from "./suspect.ts";

/** What a site's operators see this second: newest readings through the model, on one clock. */
export interface SiteNow {
  readonly site: string;
  /** The site's clock. */
  readonly ts: number;
  readonly clock: "live" | "catching-up" | "silent";
  readonly nodes: readonly NodeNow[];
  readonly balance: {
    readonly supplyW: number | null;
    readonly loadW: number | null;
    readonly residualW: number | null;
    readonly uncertaintyW: number | null;
    readonly toleranceW: number | null;
    /** The meter that would close the balance of the last 15 minutes if it showed the truth. */
    readonly suspect?: Suspect;
    /** Energy residual of the 24 hours before the last closed quarter of an hour; absent before anything is accounted. */
    readonly day?: ResidualOver;
  };
  /** Last 15 minutes of accounts. */
  readonly kpis: Readonly<Record<string, KpiResult>>;
}

export interface NodeNow {
  readonly id: string;
  readonly kind: NodeKind;
  readonly role: NodeRole;
  readonly name: Text;
  readonly parent: string | null;
  readonly counting: "counted" | "detail";
  readonly origin: Origin;
  /** Signed by kpi.md §1.2: import, generation, discharge and consumption are positive. */
  readonly powerW: number | null;
  readonly socPct: number | null;
  /** Event time of the oldest input of `powerW`. */
  readonly ts: number | null;
  /** Age over three sampling intervals (and 30 s) is stale; the value stays readable. */
  readonly freshness: "fresh" | "stale" | "missing";
  readonly ratingW: number | null;
  readonly capacityWh: number | null;
}
