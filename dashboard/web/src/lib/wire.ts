// The HTTP contract as this part sees it: types only, nothing of the server is bundled.
import type { KpisWire, NowWire, SiteWire } from "../../../server/wire.ts";

export type {
  AlarmQualityWire,
  BacktestWire,
  ChannelWire,
  DeadLetterWire,
  DeliveryWire,
  DeviceWire,
  HealthWire,
  IngestWire,
  ListWire,
  LiveEvent,
  NowWire,
  PermitWire,
  ProblemWire,
  RuleActivityWire,
  RuleWire,
  ScheduleWire,
  SeriesWire,
  SilenceWire,
  SiteWire,
  SupplyWire,
  TrendWire,
  WasteWire,
} from "../../../server/wire.ts";
export type Alert = NowWire["alerts"][number];
export type Severity = Alert["severity"];
export type AlertState = Alert["state"];
export type NodeNow = NowWire["nodes"][number];
export type Origin = NodeNow["origin"];
export type NodeRole = NodeNow["role"];
export type NodeKind = NodeNow["kind"];
export type WorkTerm = SiteWire["work"][number];
export type Text = NodeNow["name"];
export type KpiResult = KpisWire["items"][number];
/** What this part reads of an account. */
export interface AccountWire {
  readonly start: number;
  readonly balance: Pick<NowWire["balance"], "residualW" | "toleranceW">;
}
