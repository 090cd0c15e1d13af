export { type Alert, type AlertState, alertStates, type Severity, severities } from "./alert.ts";
