export { type DashboardCode, dashboardCodes } from "./codes.ts";
export { type DashboardSettings, dashboardSchema } from "./config.ts";
export type { AccountQuery, AlertQuery, EnergyPart, KpiQuery, RulesPart, Status, TrendQuery } from "./parts.ts";
export { type Dashboard, type DashboardDeps, startDashboard } from "./server.ts";
