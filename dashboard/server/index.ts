export { type DashboardCode, dashboardCodes } from "./codes.ts";
export { type DashboardSettings, dashboardSchema } from "./config.ts";
export type { EnergyPart, RulesPart, Status } from "./parts.ts";
export { type Dashboard, type DashboardDeps, startDashboard } from "./server.ts";
