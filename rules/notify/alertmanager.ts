import type { Alert } from "../alert.ts";
import type { Reach } from "./address.ts";
import type { Channel, Message } from "./channel.ts";
import { say } from "./post.ts";

export interface AlertmanagerParts {
  readonly name: string;
  /** Of the Alertmanager, without `/api/v2/alerts`. */
  readonly url: string;
  readonly authorization: string | null;
  readonly reach: Reach;
}

const rfc3339 = (ms: number): string => new Date(ms).toISOString();

const labelled = (alert: Alert, message: Message): unknown => ({
  labels: {
    alertname: alert.rule,
    site: alert.site,
    subject: alert.subject,
    severity: alert.severity.toLowerCase(),
    ...(alert.subcode === "" ? {} : { subcode: alert.subcode }),
  },
  annotations: { summary: message.title, description: message.text, action: alert.action.en },
  startsAt: rfc3339(alert.active ?? alert.start),
  ...(alert.returned === null ? {} : { endsAt: rfc3339(alert.returned) }),
  ...(message.url === null ? {} : { generatorURL: message.url }),
});

/** Pushes to the v2 API of Alertmanager and of what speaks it; labels are the identity there, so a repeat is harmless. */
export const createAlertmanager = ({ name, url, authorization, reach }: AlertmanagerParts): Channel => ({
  name,
  send: (message, signal) => {
    const test = { labels: { alertname: message.occasion, severity: "info" }, annotations: { summary: message.title } };
    const alerts = message.alerts.map((alert) => labelled(alert, message));
    return say({
      url: `${url.replace(/\/+$/, "")}/api/v2/alerts`,
      body: JSON.stringify(alerts.length > 0 ? alerts : [test]),
      ...(authorization === null ? {} : { headers: { authorization } }),
      reach,
      signal,
    });
  },
});
